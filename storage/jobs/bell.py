"""Rings when jobs were put: Postgres says so, and nobody has to ask all the time."""

import asyncio
from contextlib import suppress
from typing import Any, Final, Self

import asyncpg
import structlog

from storage.database import Database

CHANNEL: Final = "leporello_jobs"
#: Seconds between two looks at the connection, and before a lost one is made anew.
LOOK: Final = 10.0
AGAIN: Final = 1.0

_log = structlog.get_logger("jobs")


class Bell:
    """For the length of an `async with`; while its connection is away, nothing rings."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rung = asyncio.Event()
        #: Whether it would hear.
        self.is_up = asyncio.Event()

    def clear(self) -> None:
        self._rung.clear()

    def ring(self, *_: Any) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Until it rings, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen(), name="jobs.bell")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except Exception as error:
                _log.warning("the bell is away", error=type(error).__name__)
            await asyncio.sleep(AGAIN)

    async def _hear(self) -> None:
        connection: asyncpg.Connection = await self._database.connect()
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self.ring)
            self.is_up.set()
            # What was put before it listened is looked at now.
            self.ring()
            while not lost.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await lost.wait()
                # A connection that is only half there says nothing by itself.
                await connection.fetchval("SELECT 1")
        finally:
            self.is_up.clear()
            connection.terminate()
