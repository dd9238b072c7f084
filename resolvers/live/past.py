"""What of a journal is no longer in a feed's memory, read once for all who are behind in the same place."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from uuid import UUID

from resolvers.live.journal import PAGE, Row, page
from resolvers.live.kept import Budget, Kept
from storage.database import Database


class Past:
    """In blocks of a page, so that those who are near each other read the same."""

    def __init__(self, book_id: UUID, database: Database, budget: Budget, count: Callable[[], None]) -> None:
        self._book_id = book_id
        self._database = database
        #: Told of each read.
        self._count = count
        self._reads: dict[int, asyncio.Task[list[Row]]] = {}
        #: By epoch and seq, what was read of late.
        self._kept: Kept[Row] = Kept(budget)

    async def after(self, seq: int, epoch: str) -> list[Row]:
        """What follows in its block; empty where the journal does not go on from there. Raises what reading raises."""
        if kept := self._kept.leading((epoch, seq + number) for number in range(1, PAGE + 1)):
            return kept
        start = seq - seq % PAGE
        while True:
            rows = await self._from(start, seq)
            if not rows or rows[-1].seq > seq:
                return _after(rows, seq)
            # Large ones fill a read before its block ends: the rest of it is read from where it is wanted.
            start = seq

    async def _from(self, start: int, seq: int) -> list[Row]:
        read = self._reads.get(start)
        if read is not None and (rows := await asyncio.shield(read)) and rows[-1].seq > seq:
            return rows
        # Begun before it was asked for, a read may have missed what was written in between.
        read = self._reads.get(start)
        if read is None:
            read = self._reads[start] = asyncio.create_task(
                self._read(start), name="live: past", context=contextvars.Context()
            )
            read.add_done_callback(lambda _: self._reads.pop(start, None))
        return await asyncio.shield(read)

    async def _read(self, start: int) -> list[Row]:
        self._count()
        async with self._database.connection() as connection:
            found = await page(connection, self._book_id, after=start)
        if not found:
            return []
        for row in found.rows:
            self._kept.add((found.epoch, row.seq), row, len(row.text))
        return found.rows

    def clear(self) -> None:
        self._kept.clear()


def _after(rows: list[Row], seq: int) -> list[Row]:
    following = [row for row in rows if row.seq > seq]
    return following if following and following[0].seq == seq + 1 else []
