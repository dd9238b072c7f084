"""The connection that tells: what many ask at once leaves in one write, and nobody waits for long."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog
from redis.asyncio import ConnectionPool

from storage.broadcast.exchange import PUBLISH_TIMEOUT, Exchange, Heard
from storage.broadcast.resp import Reply, pack

log = structlog.get_logger()

#: Seconds in which nobody waits after a failure.
HUSH = 1.0
#: Commands that wait for their batch.
WAITING_LIMIT = 10_000


class Wire:
    """After a failure it is hushed: one caller each HUSH seconds tries, the others are refused at once."""

    def __init__(self, pool: ConnectionPool, on_hush: Callable[[], None]) -> None:
        connection = pool.make_connection()  # type: ignore[no-untyped-call]
        self._exchange = Exchange(connection, self.unhush, self._fail)
        self._on_hush = on_hush
        self._open = False
        self._posted = 0
        self._failed_at: float | None = None

    @property
    def hushed(self) -> bool:
        return self._failed_at is not None

    def unhush(self) -> None:
        """Redis has been seen alive."""
        if self.hushed:
            log.info("Redis takes messages again.")
        self._failed_at = None

    def may_try(self, *, alive: bool) -> bool:
        """Whether to ask at all; while it is hushed one tries for all, if Redis is seen `alive` elsewhere."""
        if self._failed_at is None:
            return True
        now = asyncio.get_running_loop().time()
        if not alive or now < self._failed_at + HUSH:
            return False
        self._failed_at = now
        return True

    async def ask(self, *command: str) -> Reply:
        """Redis's answer, or None when there was none in time."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()
        self._send(partial(_settle, answer), command)
        late = loop.call_later(PUBLISH_TIMEOUT, _settle, answer, None)
        try:
            return await answer
        finally:
            late.cancel()

    def post(self, heard: Heard, *command: str) -> None:
        """Asks without waiting: `heard` is called with Redis's answer, or None when there was none in time."""
        self._posted += 1
        self._send(partial(self._told, heard), command)

    async def drain(self) -> None:
        """Until what was posted has been answered or given up."""
        if self._posted:
            await self.ask("PING")

    def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False
        await self._exchange.close()

    def _send(self, heard: Heard, command: tuple[str, ...]) -> None:
        if self._open and len(self._exchange.waiting) < WAITING_LIMIT:
            self._exchange.send(pack(*command), heard)
        else:
            heard(None)

    def _told(self, heard: Heard, reply: Reply) -> None:
        self._posted -= 1
        heard(reply)

    def _fail(self, why: Exception) -> None:
        newly, self._failed_at = not self.hushed, asyncio.get_running_loop().time()
        if newly:
            log.warning("Redis takes no messages.", why=repr(why))
            self._on_hush()


def _settle(answer: asyncio.Future[Reply], reply: Reply) -> None:
    if not answer.done():
        answer.set_result(reply)
