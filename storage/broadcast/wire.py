"""The connection that tells: what many ask at once leaves in one write, and nobody waits for long."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError, ResponseError

from storage.broadcast.ending import end

log = structlog.get_logger()

#: Seconds a caller waits at most; seconds in which nobody waits after that has happened.
PUBLISH_TIMEOUT = 0.5
HUSH = 1.0
#: Commands in one write, and those waiting for theirs.
BATCH_LIMIT = 256
WAITING_LIMIT = 10_000

#: What a connection that is gone raises; RuntimeError is uvloop's word for a closed transport.
GONE = (RedisError, OSError, RuntimeError)


class _Told:
    """In the place of a future, for those who do not wait."""

    __slots__ = ("_heard",)

    def __init__(self, heard: Callable[[Any], object]) -> None:
        self._heard: Callable[[Any], object] | None = heard

    def done(self) -> bool:
        return self._heard is None

    def set_result(self, answer: Any) -> None:
        heard, self._heard = self._heard, None
        if heard:
            heard(answer)


_Asked = tuple[tuple[str, ...], asyncio.Future[Any] | _Told]


class Wire:
    """After a failure it is hushed: one caller each HUSH seconds tries, the others are refused at once."""

    def __init__(self, pool: ConnectionPool, on_hush: Callable[[], None]) -> None:
        self._connection = pool.make_connection()  # type: ignore[no-untyped-call]
        self._on_hush = on_hush
        self._waiting: deque[_Asked] = deque()
        self._more = asyncio.Event()
        self._posted = 0
        self._task: asyncio.Task[None] | None = None
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

    async def ask(self, *command: str) -> Any:
        """Redis's answer, or None when there was none in time."""
        if self._task is None or len(self._waiting) >= WAITING_LIMIT:
            return None
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        self._more.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                return await answer
        return None

    def post(self, heard: Callable[[Any], object], *command: str) -> None:
        """Asks without waiting: `heard` is called with Redis's answer, or None when there was none in time."""
        if self._task is None or len(self._waiting) >= WAITING_LIMIT:
            heard(None)
            return
        self._posted += 1

        def told(answer: Any) -> None:
            self._posted -= 1
            heard(answer)

        self._waiting.append((command, _Told(told)))
        self._more.set()

    async def drain(self) -> None:
        """Until what was posted has been answered or given up."""
        if self._posted:
            await self.ask("PING")

    def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="broadcast: tell")

    async def close(self) -> None:
        if self._task is None:
            return
        task, self._task = self._task, None
        await end([task])
        self._give_up(self._waiting)
        self._waiting.clear()
        await self._connection.disconnect(nowait=True)

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH_LIMIT, len(self._waiting)))]
                try:
                    await self._send(batch)
                except Exception as error:
                    await self._connection.disconnect(nowait=True)
                    self._fail(repr(error))
                    # Who queued meanwhile would wait for the same silence.
                    self._give_up(self._waiting)
                    self._waiting.clear()
                finally:
                    self._give_up(batch)

    async def _send(self, batch: list[_Asked]) -> None:
        async with asyncio.timeout(PUBLISH_TIMEOUT):
            try:
                await self._exchange(batch)
            except GONE as error:
                if isinstance(error, TimeoutError):
                    raise
                # A connection that lay idle may have died unseen. To tell a hint twice does no harm.
                await self._connection.disconnect(nowait=True)
                await self._exchange(batch)
        self.unhush()

    async def _exchange(self, batch: list[_Asked]) -> None:
        open_ = [(command, answer) for command, answer in batch if not answer.done()]
        if not open_:
            return
        connection = self._connection
        if not connection.is_connected:
            await connection.connect()
        commands = connection.pack_commands([command for command, _ in open_])
        await connection.send_packed_command(commands, check_health=False)
        for _, answer in open_:
            said: Any
            try:
                said = await connection.read_response()
            except ResponseError as error:
                said = error
            if not answer.done():
                answer.set_result(said)

    def _fail(self, why: str) -> None:
        newly, self._failed_at = not self.hushed, asyncio.get_running_loop().time()
        if newly:
            log.warning("Redis takes no messages.", why=why)
            self._on_hush()

    @staticmethod
    def _give_up(asked: Iterable[_Asked]) -> None:
        for _, answer in asked:
            if not answer.done():
                answer.set_result(None)
