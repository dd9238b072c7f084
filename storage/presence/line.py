"""The connection that presence is kept through: what is asked while one batch is under way leaves with the next."""

import asyncio
from collections import deque
from typing import Any, Final

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ConnectionError, NoScriptError, RedisError

from storage.presence import scripts

log = structlog.get_logger()

#: Seconds until a batch is given up.
ANSWER_TIMEOUT = 0.5
#: Seconds in which nobody is kept waiting after a failure.
HUSH = 1.0
#: Commands in a batch, and those that wait for theirs.
BATCH_LIMIT: Final = 500
WAITING_LIMIT: Final = 20_000

Command = tuple[str | int, ...]
Asked = tuple[Command, asyncio.Future[Any]]


class Line:
    """Takes redis://, rediss:// and unix:// addresses. A Redis that is away raises nothing, and answers None."""

    def __init__(self, url: str) -> None:
        pool = ConnectionPool.from_url(
            url,
            protocol=2,
            socket_timeout=ANSWER_TIMEOUT,
            socket_connect_timeout=ANSWER_TIMEOUT,
            # We ask again ourselves, with what is so by then.
            retry=None,
            driver_info=None,
        )
        self._redis = Redis(connection_pool=pool)
        self._waiting: deque[Asked] = deque()
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._failed_at: float | None = None
        #: How many pipelines were sent.
        self.batches = 0

    def ask(self, *command: str | int) -> asyncio.Future[Any]:
        """Redis's answer, once there is one; None when it refuses, or is away."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        hushed = self._failed_at is not None and loop.time() < self._failed_at + HUSH
        if hushed or len(self._waiting) >= WAITING_LIMIT:
            answer.set_result(None)
        else:
            self._waiting.append((command, answer))
            self._idle.clear()
            self._more.set()
        return answer

    async def run(self) -> None:
        """Sends, for ever."""
        while True:
            self._idle.set()
            await self._more.wait()
            self._idle.clear()
            self._more.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_LIMIT))]
                answers: list[Any] = [None] * len(batch)
                try:
                    answers = await self._answers([command for command, _ in batch])
                    self._succeeded()
                except (RedisError, OSError, RuntimeError) as error:
                    self._failed(error)
                finally:
                    for (_, asked), answer in zip(batch, answers, strict=True):
                        if not asked.done():
                            asked.set_result(None if isinstance(answer, Exception) else answer)

    async def drain(self) -> None:
        """Until all that was asked is answered or given up."""
        if self._waiting or not self._idle.is_set():
            await self._idle.wait()

    async def close(self) -> None:
        while self._waiting:
            self._waiting.popleft()[1].cancel()
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _answers(self, commands: list[Command]) -> list[Any]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await self._exchange(commands)
        except (ConnectionError, OSError, RuntimeError) as error:
            if isinstance(error, TimeoutError):
                raise
        # A connection that lay idle may have died unseen, and to ask twice does no harm.
        async with asyncio.timeout(ANSWER_TIMEOUT):
            return await self._exchange(commands)

    async def _exchange(self, commands: list[Command]) -> list[Any]:
        answers = await self._pipeline(commands)
        # A Redis that was restarted has none of our scripts.
        unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            loading: list[Command] = [("SCRIPT LOAD", script) for script in scripts.ALL]
            again = await self._pipeline([*loading, *(commands[at] for at in unknown)])
            for at, answer in zip(unknown, again[len(loading) :], strict=True):
                answers[at] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                log.error("Redis refuses to keep who is there.", why=str(answer))
        return answers

    async def _pipeline(self, commands: list[Command]) -> list[Any]:
        self.batches += 1
        async with self._redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute(raise_on_error=False))

    def _succeeded(self) -> None:
        if self._failed_at is not None:
            log.info("Redis keeps who is there again.")
        self._failed_at = None

    def _failed(self, error: Exception) -> None:
        if self._failed_at is None:
            log.warning("Redis does not keep who is there.", why=repr(error))
        self._failed_at = asyncio.get_running_loop().time()
        # Who queued meanwhile would wait for the same silence.
        while self._waiting:
            _, asked = self._waiting.popleft()
            if not asked.done():
                asked.set_result(None)
