"""A connection that prepares each statement once, and says how long one has been under way."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import asyncpg

#: Statements that a connection keeps prepared; the one that was not used for longest makes room.
PREPARED: Final = 256

#: Surrounds a statement, whose text it is given.
Observer = Callable[[str], AbstractContextManager[object]]


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """What is set on it stays set for whoever has it next: let it be for the transaction alone.

    Ask by `rows` and `value`: these are watched, and what is asked in another way is not.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.observe: Callable[[], Observer | None] = lambda: None
        self.prepared: dict[str, Any] = {}
        #: When the statement began that is under way, on the monotonic clock.
        self.since: float | None = None

    async def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[asyncpg.Record]:
        observe = self.observe()
        if observe is None:
            return await self._rows(sql, arguments)
        with observe(sql):
            return await self._rows(sql, arguments)

    async def value(self, sql: str, arguments: Sequence[Any] = ()) -> Any:
        """Of the first row the first column; None without a row."""
        rows = await self.rows(sql, arguments)
        return rows[0][0] if rows else None

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109 asyncpg's
        """Watched as well: transactions begin and end with it."""
        self.since = time.monotonic()
        try:
            return await super().execute(query, *args, timeout=timeout)  # type: ignore[no-any-return]
        finally:
            self.since = None

    async def _rows(self, sql: str, arguments: Sequence[Any]) -> list[asyncpg.Record]:
        self.since = time.monotonic()
        try:
            # Its own cache looks up by three things, and times what it finds.
            statement = self.prepared.pop(sql, None) or await self._prepared(sql)
            self.prepared[sql] = statement
            return await self._executed(statement, arguments)
        except asyncpg.OutdatedSchemaCacheError:
            self.prepared.pop(sql, None)
            raise
        except asyncpg.InvalidCachedStatementError:
            self.prepared.pop(sql, None)
            if self.is_in_transaction():  # which has failed with it
                raise
            # A table was changed since it was prepared, and it was not run.
            statement = self.prepared[sql] = await self._prepared(sql)
            return await self._executed(statement, arguments)
        finally:
            self.since = None

    def _executed(self, statement: Any, arguments: Sequence[Any]) -> Awaitable[list[asyncpg.Record]]:
        # What `statement.fetch(*arguments)` comes down to; its guards cost 4 us of the 40 that the shortest takes.
        rows: Awaitable[list[asyncpg.Record]] = self._protocol.bind_execute(
            statement._state, arguments, "", 0, False, None
        )
        return rows

    async def _prepared(self, sql: str) -> Any:
        if len(self.prepared) >= PREPARED:
            del self.prepared[next(iter(self.prepared))]
        return await self.prepare(sql)
