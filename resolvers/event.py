"""The changes of a book as they come: first what was missed, then live, every number once and in order."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, true
from sqlalchemy.orm import aliased
from sqlmodel import col

from models import Book, Event
from models.event import KINDS, RESYNC
from models.refusal import BadUserInput, Forbidden
from resolvers import access
from resolvers.context import Context
from storage.broadcast import GAP, Heard
from storage.channels import book_channel
from storage.journal import head_fell

#: How many events are read at once.
_BATCH: Final = 32
#: No book has had as many changes: `seq` is an integer of 32 bits.
_NONE: Final = 2**31 - 1
UNSEEN: Final = "You may not see this book any more."


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

    def row(self) -> dict[str, Any]:
        """As a row of the journal, which a Resync need not be."""
        return {
            "book_id": self.book_id,
            "seq": self.seq,
            "kind": self.kind,
            "payload": {"epoch": self.epoch} if self.kind == RESYNC else self.payload,
            "actor_id": self.actor_id,
            "batch_id": self.batch_id,
            "at": self.at,
        }


@dataclass(frozen=True, slots=True)
class _Head:
    """Where the book is, and what the viewer is in it, at one moment."""

    seq: int
    epoch: str
    updated_at: datetime
    is_member: bool


async def of_book(
    context: Context, book_id: UUID | None, *, after: int | None, epoch: str | None
) -> AsyncGenerator[Any, None]:
    """What the caller asked to see of each event.

    Raises NotFound before the first one, Forbidden once the viewer may not see the book any more.
    """
    if after is not None and after < 0:
        raise BadUserInput("`after` is a book's seq: 0 or more.")
    async with context.reading() as session:
        book = await access.readable_book(session, context.viewer_id, book_id)
    # First we listen, then we read: what is committed in between is heard, and read again is not told again.
    async with context.parts.announcements.listen(book_channel(book.id)) as heard:
        reader = _Reader(context, book.id, after, epoch)
        message: Heard | None = GAP
        while message is not None:
            reader.hear(message)
            while reader.is_behind:
                for told in await _shown(context, await reader.read()):
                    yield told
            message = await anext(heard, None)


async def _shown(context: Context, told: list[Told]) -> list[Any]:
    """One statement for all of them."""
    if not told or context.answer is None:
        return []
    async with context.parts.database.connection() as connection:
        return await context.answer.tell(connection.rows, [each.row() for each in told])


class _Reader:
    """A subscriber's place in the journal; at the book's head, where none was given."""

    def __init__(self, context: Context, book_id: UUID, seq: int | None, epoch: str | None) -> None:
        self.is_behind = True
        self._context = context
        self._book_id = book_id
        self._seq = seq
        self._epoch = epoch
        #: Whether the book has been there, as far as we know and not only as the client says.
        self._is_known = False

    def hear(self, message: Heard) -> None:
        """A lower number is looked at as well: it may be that of a head that fell."""
        self.is_behind = message is GAP or message != f"{self._epoch}:{self._seq}"

    async def read(self) -> list[Told]:
        """The next events after its place; one Resync where the journal or the epoch does not go on from there.

        Raises Forbidden when the viewer may not see the book.
        """
        head, events = await self._look()
        if self._is_known and head.epoch == self._epoch and head.seq < (self._seq or 0):
            await self._end_epoch(head)
            head, events = await self._look()
        seq = head.seq if self._seq is None else self._seq
        told = [self._told(head, event) for event in events]
        if self._epoch not in (None, head.epoch) or seq > head.seq or _is_missing(events, seq, head):
            told = [Told(RESYNC, self._book_id, head.seq, head.updated_at, head.epoch, {})]
        self._seq, self._epoch, self._is_known = told[-1].seq if told else seq, head.epoch, True
        self.is_behind = self._seq < head.seq
        return told

    async def _look(self) -> tuple[_Head, list[Event]]:
        # One statement sees one moment: who was removed gets nothing that was committed later.
        after = _NONE if self._seq is None else self._seq
        next_ = (
            select(Event)
            .where(col(Event.book_id) == Book.id, col(Event.seq) > after)
            .order_by(col(Event.seq))
            .limit(_BATCH)
            .lateral()
        )
        event = aliased(Event, next_)
        viewer_id = self._context.viewer_id
        head = (col(Book.seq), col(Book.epoch), col(Book.updated_at), access.is_member(viewer_id).label("is_member"))
        async with self._context.reading() as session:
            rows = (
                await session.execute(
                    select(event, *head)
                    .select_from(Book)
                    .outerjoin(event, true())
                    .where(col(Book.id) == self._book_id, access.book_is_seen(viewer_id))
                    .order_by(col(event.seq))
                )
            ).all()
        if not rows:
            raise Forbidden(UNSEEN)
        return _Head(*rows[0][1:]), [row[0] for row in rows if row[0] is not None]

    def _told(self, head: _Head, event: Event) -> Told:
        if event.kind == "MembersChanged" and not head.is_member:
            return Told(event.kind, self._book_id, event.seq, event.at, head.epoch, {})
        return Told(
            event.kind if event.kind in KINDS else RESYNC,
            self._book_id,
            event.seq,
            event.at,
            head.epoch,
            event.payload,
            event.actor_id,
            event.batch_id,
        )

    async def _end_epoch(self, head: _Head) -> None:
        """The head is below what this process has sent, so that the others are to be told as well."""
        epoch = await head_fell(self._context.parts.database, self._book_id, head.epoch)
        self._context.parts.announcements.tell(book_channel(self._book_id), f"{epoch}:{head.seq}")


def _is_missing(events: list[Event], seen: int, head: _Head) -> bool:
    """Whether the journal does not hold what comes next; it has no holes, so that only its beginning can be gone."""
    return events[0].seq != seen + 1 if events else seen < head.seq
