"""Commands out and replies in, a batch at a time."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import InvalidResponse

from storage.broadcast.ending import end
from storage.broadcast.link import Link
from storage.broadcast.resp import Reply

#: Seconds until a batch is given up, and with it all that waits behind it.
PUBLISH_TIMEOUT = 0.5
#: Commands in a batch, and bytes after which no more join it.
BATCH_LIMIT = 256
WRITE_LIMIT = 1024 * 1024

#: Seconds between two writes, unless this many wait: each of them wakes Redis, which costs more than the rest of it.
PACE = 0.002
MANY = 64

Heard: TypeAlias = Callable[[Reply], object]


class Exchange:
    """Dials when there is something to send, and anew after a failure; a batch is tried twice.

    `on_answered` is called after each batch; `on_failed`, before anyone is given up, with the reason. The first after a
    pause leaves at once. While one batch is under way the next waits, so that no more than WRITE_LIMIT and a command
    can pile up before a slow Redis.
    """

    def __init__(
        self, connection: AbstractConnection, on_answered: Callable[[], None], on_failed: Callable[[Exception], None]
    ) -> None:
        self.waiting: deque[tuple[bytes, Heard]] = deque()
        self._connection = connection
        self._on_answered = on_answered
        self._on_failed = on_failed
        #: What has no reply yet of the batch that is under way, in the order of the replies.
        self._batch: deque[tuple[bytes, Heard]] = deque()
        self._once_more = False
        #: When the next batch leaves, and not before.
        self._leaving: asyncio.Handle | None = None
        self._not_before = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._link: Link | None = None
        self._dialling: asyncio.Task[None] | None = None

    def send(self, command: bytes, heard: Heard) -> None:
        """`heard` is called with the reply, or with None once it is given up."""
        self.waiting.append((command, heard))
        if not self._batch and (self._leaving is None or len(self.waiting) == MANY):
            self._prepare()

    async def close(self) -> None:
        # With nothing left to send, nobody dials any more.
        self._give_up()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._leaving:
            self._leaving.cancel()
            self._leaving = None
        if self._dialling:
            await end([self._dialling])
            self._dialling = None
        self._drop()
        await self._connection.disconnect(nowait=True)

    def _prepare(self) -> None:
        """For the next batch to leave, once this turn of the loop is over or a little later."""
        if self._leaving:
            self._leaving.cancel()
            self._leaving = None
        if self.waiting:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._not_before or len(self.waiting) >= MANY:
                self._leaving = loop.call_soon(self._next)
            else:
                self._leaving = loop.call_at(self._not_before, self._next)

    def _next(self) -> None:
        self._leaving = None
        if self._batch or not self.waiting:
            return
        size = 0
        while self.waiting and len(self._batch) < BATCH_LIMIT and size < WRITE_LIMIT:
            asked = self.waiting.popleft()
            self._batch.append(asked)
            size += len(asked[0])
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._not_before, self._due = now + PACE, now + PUBLISH_TIMEOUT
        # Left running from batch to batch, and set anew when it comes too early.
        self._timer = self._timer or loop.call_at(self._due, self._check)
        self._once_more = True
        self._write()

    def _write(self) -> None:
        if self._link:
            self._link.write(b"".join([command for command, _ in self._batch]))
        elif not self._dialling:
            self._dialling = asyncio.create_task(self._dial(), name="broadcast: dial")

    async def _dial(self) -> None:
        failure: Exception | None = None
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                await self._connection.disconnect(nowait=True)
                self._link = await Link.over(self._connection, self._replied, self._lost)
        except Exception as error:
            failure = error
        self._dialling = None
        if failure:
            self._lost(failure)
        elif self._batch:
            self._write()

    def _replied(self, reply: Reply) -> None:
        if not self._batch:
            self._lost(InvalidResponse("a reply that nobody asked for"))
            return
        _, heard = self._batch.popleft()
        heard(reply)
        if not self._batch:
            self._on_answered()
            self._prepare()

    def _lost(self, why: Exception) -> None:
        self._drop()
        if not self._batch:
            self._prepare()
        elif self._once_more:
            # A connection that lay idle may have died unseen. To tell a hint twice does no harm.
            self._once_more = False
            self._write()
        else:
            self._fail(why)

    def _check(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        if not self._batch:
            return
        if loop.time() < self._due:
            self._timer = loop.call_at(self._due, self._check)
        else:
            self._fail(TimeoutError("no reply in time"))

    def _fail(self, why: Exception) -> None:
        self._drop()
        self._on_failed(why)
        # Who queued meanwhile would wait for the same silence.
        self._give_up()

    def _give_up(self) -> None:
        given_up = [*self._batch, *self.waiting]
        self._batch.clear()
        self.waiting.clear()
        for _, heard in given_up:
            heard(None)

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link:
            link.drop()
