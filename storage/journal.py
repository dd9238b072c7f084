"""The heads of the books' journals: what is followed while Redis is away, and looked at now and then anyway."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Text as SqlText
from sqlalchemy import cast, func, literal, select, union_all, update
from sqlmodel import col

from models import Book, Session
from storage.channels import REVOCATIONS, book_channel, book_of
from storage.database import Database

_RECENT: Final = timedelta(minutes=1)

_log = structlog.get_logger("journal")


class Heads:
    """What the broadcast would have said, read from Postgres in one statement for all that is watched."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[UUID, tuple[str, int]] = {}

    async def news(self, channels: Collection[str]) -> dict[str, str]:
        """By channel: `epoch:seq` of a book that has moved on, the sessions that were lately revoked."""
        watched = {book_id for channel in channels if (book_id := book_of(channel))}
        revoked = select(
            literal(None).label("id"),
            func.string_agg(cast(Session.id, SqlText), ",").label("epoch"),
            literal(0).label("seq"),
        ).where(col(Session.revoked_at) > func.now() - _RECENT)
        heads = select(col(Book.id), col(Book.epoch), col(Book.seq)).where(col(Book.id).in_(watched))
        told: dict[str, str] = {}
        async with self._database.session() as session:
            rows = (await session.execute(union_all(heads, revoked))).all()
        for book_id, epoch, seq in rows:
            if book_id is None:
                if epoch and REVOCATIONS in channels:
                    told[REVOCATIONS] = epoch
                continue
            before = self._seen.get(book_id)
            if before == (epoch, seq):
                continue
            if before and before[0] == epoch and seq < before[1]:
                epoch = await self._fell(book_id, epoch, seq)
            told[book_channel(book_id)] = f"{epoch}:{seq}"
            self._seen[book_id] = (epoch, seq)
        self._seen = {id: head for id, head in self._seen.items() if id in watched}
        return told

    async def _fell(self, book_id: UUID, epoch: str, seq: int) -> str:
        """A head that falls means that an older backup was restored: the numbers after it will mean other changes."""
        _log.warning("a book's head fell; it gets a new epoch", book_id=str(book_id), seq=seq)
        async with self._database.session.begin() as session:
            await session.execute(
                update(Book).where(col(Book.id) == book_id, col(Book.epoch) == epoch).values(epoch=uuid4().hex)
            )
            return str(await session.scalar(select(col(Book.epoch)).where(col(Book.id) == book_id)))


async def new_epochs(database: Database) -> int:
    """Gives every book a new epoch, after a backup was restored; returns how many there are."""
    async with database.session.begin() as session:
        renewed = await session.execute(
            update(Book).values(epoch=func.replace(cast(func.gen_random_uuid(), SqlText), "-", ""))
        )
        return int(renewed.rowcount)  # type: ignore[attr-defined]
