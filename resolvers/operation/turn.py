"""Those of this process who change the same book come one after the other.

Only a courtesy: the database decides, whoever else there is. But who waits here holds no connection meanwhile, and
finds the book as it was read.
"""

import asyncio
from types import TracebackType
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from storage.database import Database

#: Seconds that a batch waits for those before it.
TURN_TIMEOUT: Final = 5.0

#: Of the books that are being changed.
_turns: WeakValueDictionary[tuple[int, UUID], asyncio.Lock] = WeakValueDictionary()


class Turn:
    """For the length of an `async with`. Raises TimeoutError."""

    __slots__ = ("_lock",)

    def __init__(self, database: Database, book_id: UUID) -> None:
        key = (id(database), book_id)
        lock = _turns.get(key)
        if lock is None:
            lock = _turns[key] = asyncio.Lock()
        self._lock = lock

    async def __aenter__(self) -> None:
        async with asyncio.timeout(TURN_TIMEOUT):
            await self._lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
