"""The changes of a book as they come: first what was missed, then live, every number once and in order."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models import Book, Event
from models.refusal import Forbidden
from resolvers import access
from resolvers.context import Context
from storage.broadcast import GAP
from storage.channels import book_channel

#: How many events are read at once.
_BATCH: Final = 100
RESYNC: Final = "Resync"


@dataclass(frozen=True, slots=True)
class Told:
    """An event as one viewer gets it. What they may not see is empty, but its number they get."""

    kind: str
    book_id: UUID
    seq: int
    at: datetime
    epoch: str
    payload: dict[str, Any]
    actor_id: UUID | None = None
    batch_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the book is, and what the viewer is in it, at one moment."""

    seq: int
    epoch: str
    updated_at: datetime
    is_member: bool


async def of_book(
    context: Context, book_id: UUID | None, *, after: int | None, epoch: str | None
) -> AsyncIterator[Told]:
    """Raises NotFound before the first event, Forbidden once the viewer may not see the book any more."""
    async with context.reading() as session:
        book = await access.readable_book(session, context.viewer_id, book_id)
    # First we listen, then we read: what is committed in between is heard, and read again is not told again.
    async with context.parts.announcements.listen(book_channel(book.id)) as heard:
        async with context.reading() as session:
            standing = await _standing(session, context.viewer_id, book.id)
        seen, history = (standing.seq if after is None else after), epoch or standing.epoch
        async for told in _unseen(context, book.id, seen, history):
            seen, history = told.seq, told.epoch
            yield told
        async for message in heard:
            if message is not GAP and message == f"{history}:{seen}":
                continue
            async for told in _unseen(context, book.id, seen, history):
                seen, history = told.seq, told.epoch
                yield told


async def _unseen(context: Context, book_id: UUID, seen: int, epoch: str) -> AsyncIterator[Told]:
    """What the journal has after `seen`; one Resync where it does not reach back so far or its epoch is another."""
    while True:
        async with context.reading() as session:
            events = list(
                await session.scalars(
                    select(Event)
                    .where(col(Event.book_id) == book_id, col(Event.seq) > seen)
                    .order_by(col(Event.seq))
                    .limit(_BATCH)
                )
            )
            # After the events: one who was removed gets nothing that was committed later.
            standing = await _standing(session, context.viewer_id, book_id)
        if epoch != standing.epoch or seen > standing.seq or _is_missing(events, seen, standing):
            yield Told(RESYNC, book_id, standing.seq, standing.updated_at, standing.epoch, {})
            return
        for event in events:
            visible = standing.is_member or event.kind != "MembersChanged"
            seen = event.seq
            yield Told(
                event.kind,
                book_id,
                event.seq,
                event.at,
                standing.epoch,
                event.payload if visible else {},
                event.actor_id,
                event.batch_id,
            )
        if len(events) < _BATCH:
            return


def _is_missing(events: list[Event], seen: int, standing: _Standing) -> bool:
    """Whether the journal does not hold what comes next; it has no holes, so that only its beginning can be gone."""
    return events[0].seq != seen + 1 if events else seen < standing.seq and seen >= 0


async def _standing(session: AsyncSession, viewer_id: UUID | None, book_id: UUID) -> _Standing:
    """Raises Forbidden when the viewer may not see the book."""
    row = (
        await session.execute(
            select(
                col(Book.seq),
                col(Book.epoch),
                col(Book.updated_at),
                access.is_member(viewer_id).label("member"),
            ).where(col(Book.id) == book_id, access.book_is_seen(viewer_id))
        )
    ).one_or_none()
    if row is None:
        raise Forbidden("You may not see this book any more.")
    return _Standing(*row)
