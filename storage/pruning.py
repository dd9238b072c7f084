"""The journals are kept for a while, and no longer: one process at a time prunes them."""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta
from typing import Final, Self
from uuid import UUID

import asyncpg
import structlog

from storage.database import Database

#: An event is kept for so long, and longer while it is among so many of its book.
KEPT_FOR: Final = timedelta(hours=24)
KEPT: Final = 10_000
#: Seconds between two rounds, about: processes that were started together do not meet for ever.
EVERY: Final = 3_600.0
#: Books looked at, and events deleted, in one statement.
BOOKS: Final = 1_000
EVENTS: Final = 2_000
#: The key of the advisory lock: "prune" in ASCII.
LOCK: Final = 0x7072756E65

_NO_BOOK: Final = UUID(int=0)

log = structlog.get_logger("journal")


class Pruning:
    """A round now and then, for the length of an `async with`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="prune")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * EVERY)  # noqa: S311
            try:
                await prune(self._database)
            except Exception:
                log.exception("The journals could not be pruned; they will be next time.")


async def prune(database: Database, *, kept_for: timedelta = KEPT_FOR, kept: int = KEPT) -> int | None:
    """Deletes the beginnings of the journals; how many events, or None where somebody else is at it.

    What is left has no holes: a resumption from before it finds that it does not go on, and is told to read anew.
    """
    connection = await database.connect()
    try:
        # It is the connection's, so that it goes with whoever dies.
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            return None
        pruned = 0
        after = _NO_BOOK
        while books := await connection.fetch(
            "SELECT id, seq FROM books WHERE id > $1 ORDER BY id LIMIT $2", after, BOOKS
        ):
            for book_id, seq in books:
                if seq > kept:
                    pruned += await _prune(connection, book_id, seq - kept, kept_for)
            after = books[-1]["id"]
        log.info("The journals were pruned.", events=pruned)
        return pruned
    finally:
        await connection.close()


async def _prune(connection: asyncpg.Connection, book_id: UUID, last: int, kept_for: timedelta) -> int:
    """Up to this seq, but nothing that is younger, or that follows what is younger."""
    younger = await connection.fetchval(
        "SELECT seq FROM events WHERE book_id = $1 AND at >= now() - $2::interval ORDER BY seq LIMIT 1",
        book_id,
        kept_for,
    )
    if younger is not None:
        last = min(last, younger - 1)
    pruned = 0
    while True:
        done: str = await connection.execute(
            "DELETE FROM events WHERE book_id = $1 AND seq <= least($2,"
            " (SELECT seq FROM events WHERE book_id = $1 ORDER BY seq LIMIT 1) + $3)",
            book_id,
            last,
            EVENTS - 1,
        )
        deleted = int(done.removeprefix("DELETE "))
        if not deleted:
            return pruned
        pruned += deleted
