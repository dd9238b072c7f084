"""The heads of the books' journals: what is followed while Redis is away, and looked at now and then anyway."""

from collections.abc import Collection
from datetime import timedelta
from functools import cache
from typing import Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy import ARRAY, Uuid, bindparam, cast, func, literal, select, union_all, update
from sqlalchemy import Text as SqlText
from sqlmodel import col

from models import Book, Session
from storage.channels import REVOCATIONS, book_channel, book_of
from storage.database import Database
from storage.statement import Statement, compiled

_RECENT: Final = timedelta(minutes=1)

_log = structlog.get_logger("journal")


class Heads:
    """What the broadcast would have said, read from Postgres in one statement for all that is watched."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[UUID, tuple[str, int]] = {}

    async def news(self, channels: Collection[str]) -> dict[str, str]:
        """By channel: `epoch:seq` of a book that has moved on, the sessions that were lately revoked."""
        watched = [book_id for channel in channels if (book_id := book_of(channel))]
        told: dict[str, str] = {}
        seen: dict[UUID, tuple[str, int]] = {}
        statement = _news()
        async with self._database.connection() as connection:
            rows = await connection.rows(statement.sql, statement.arguments({"watched": watched}))
        for book_id, epoch, seq in rows:
            if book_id is None:
                if epoch and REVOCATIONS in channels:
                    told[REVOCATIONS] = epoch
                continue
            before = self._seen.get(book_id)
            if before and before[0] == epoch and seq < before[1]:
                epoch = await head_fell(self._database, book_id, epoch)
            if before != (epoch, seq):
                told[book_channel(book_id)] = f"{epoch}:{seq}"
            seen[book_id] = (epoch, seq)
        # Last: what is interrupted before this is found again.
        self._seen = seen
        return told


@cache
def _news() -> Statement:
    revoked = select(
        literal(None).label("id"),
        func.string_agg(cast(Session.id, SqlText), ",").label("epoch"),
        literal(0).label("seq"),
    ).where(col(Session.revoked_at) > func.now() - _RECENT)
    heads = select(col(Book.id), col(Book.epoch), col(Book.seq)).where(
        # One parameter, however many there are.
        col(Book.id) == func.any(bindparam("watched", type_=ARRAY(Uuid())))
    )
    return compiled(union_all(heads, revoked))


async def head_fell(database: Database, book_id: UUID, epoch: str) -> str:
    """Ends the epoch in which a book's seq was higher before; returns the new one, of whoever was first to see it.

    A head that falls means that an older backup was restored: the numbers after it will mean other changes.
    """
    _log.warning("a book's head fell; its epoch ends", book_id=str(book_id))
    async with database.session.begin() as session:
        await session.execute(
            update(Book).where(col(Book.id) == book_id, col(Book.epoch) == epoch).values(epoch=uuid4().hex)
        )
        return str(await session.scalar(select(col(Book.epoch)).where(col(Book.id) == book_id)))


async def new_epochs(database: Database) -> int:
    """Gives every book a new epoch, after a backup was restored; returns how many there are."""
    # On a connection without our limits: there may be many books.
    connection = await database.connect(command_timeout=None)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0")
            renewed: str = await connection.execute(
                "UPDATE books SET epoch = replace(gen_random_uuid()::text, '-', '')"
            )
    finally:
        await connection.close()
    return int(renewed.removeprefix("UPDATE "))
