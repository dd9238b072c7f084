"""The connection that hears, kept for ever."""

import asyncio
import math
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from broadcaster import Event
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from storage.broadcast.counts import Counts
from storage.broadcast.line import Lines

log = structlog.get_logger()

CONNECT_TIMEOUT = 1.0
#: Seconds until a listener goes on without Redis's acknowledgement, and until a missing one means: dead.
SUBSCRIBE_TIMEOUT = 0.5
ANSWER_TIMEOUT = 2.0
#: Seconds of silence before a ping; so many pings unanswered mean a dead connection.
PING_EVERY = 0.4
PINGS_UNANSWERED = 2
#: Seconds between two attempts to connect, doubling; after a connection that held so long they start anew.
BACKOFF_FIRST = 0.02
BACKOFF_MOST = 0.25
STEADY = 0.5
#: Channels in one SUBSCRIBE.
SUBSCRIBE_BATCH = 1_000
#: Bytes of a message; a longer one is passed on as a lapse.
MESSAGE_LIMIT = 256 * 1024

#: Replies that are taken before others get a turn: what is in the buffer is read without waiting.
TURN = 64

CAUGHT_UP = b"caught up"

#: What a connection that is gone raises; RuntimeError is uvloop's word for a closed transport.
GONE = (RedisError, OSError, RuntimeError)


class Lapse(Event):
    """Something may have been missed on its channel."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel, "")


class Ear:
    """One task calls `next` for ever, and it alone touches the connection; others edit what is wanted."""

    def __init__(self, pool: ConnectionPool, counts: Counts, on_change: Callable[[bool], None]) -> None:
        self.connected = False
        #: Set once the first attempt to connect has come out, one way or the other.
        self.tried = asyncio.Event()
        self._pool = pool
        self._counts = counts
        self._on_change = on_change
        self._lines = Lines()
        self._connection: AbstractConnection | None = None
        self._reading: asyncio.Timeout | None = None
        self._why = ""
        self._attempts = 0
        self._unanswered_pings = self._in_a_row = 0
        self._ping_at = self._answer_by = 0.0
        self._opened_at = math.inf

    async def want(self, channel: str) -> None:
        """Returns once Redis has acknowledged; or, when it is away or slow, with a lapse to follow."""
        line = self._lines.want(channel)
        self._wake()
        if self.connected and not line.live:
            with suppress(TimeoutError):
                async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
                    await line.settled.wait()
        if not line.live:
            line.missed = True

    def leave(self, channel: str) -> None:
        self._lines.leave(channel)
        self._wake()

    async def next(self) -> Event:
        while True:
            try:
                connection = self._connection or await self._open()
                if self._lines.edited:
                    await self._ask(connection)
                reply = await self._read(connection)
                if reply is not None and (event := self._take(reply)):
                    return event
            except Exception as error:
                if repr(error) != self._why:
                    unforeseen = not isinstance(error, GONE)
                    log.warning("Redis is away.", why=repr(error), exc_info=unforeseen)
                self._why = repr(error)
                await self.close()
                await asyncio.sleep(self._backoff())

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            with suppress(*GONE):
                await connection.disconnect(nowait=True)
        self._lines.drop()
        self._set_connected(False)

    async def _open(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        self._connection = connection
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await connection.connect()  # type: ignore[no-untyped-call]
        self._opened_at = asyncio.get_running_loop().time()
        self._ping_at = self._opened_at + PING_EVERY
        self._unanswered_pings = 0
        await self._ask(connection)
        # Redis answers in order: once this is back, all channels are live again.
        await connection.send_command("PING", CAUGHT_UP, check_health=False)
        return connection

    async def _ask(self, connection: AbstractConnection) -> None:
        for command, channels in self._lines.ask():
            self._answer_by = asyncio.get_running_loop().time() + ANSWER_TIMEOUT
            for start in range(0, len(channels), SUBSCRIBE_BATCH):
                batch = channels[start : start + SUBSCRIBE_BATCH]
                await connection.send_command(command, *batch, check_health=False)

    async def _read(self, connection: AbstractConnection) -> Any:
        """A reply; None when woken, or after a silence."""
        loop = asyncio.get_running_loop()
        self._in_a_row = (self._in_a_row + 1) % TURN
        if not self._in_a_row:
            await asyncio.sleep(0)
        try:
            # An edit that came while we were sending needs no waking: an answer to what we sent will do that.
            async with asyncio.timeout_at(self._ping_at) as self._reading:
                # Interrupted in the middle of a message, the parser begins it again from its buffer.
                reply = await connection.read_response(
                    disable_decoding=True, timeout=math.inf, disconnect_on_error=False
                )
        except TimeoutError:
            if loop.time() >= self._ping_at:
                await self._ping(connection)
            return None
        finally:
            self._reading = None
        if reply is None:
            # redis-py makes this of ETIMEDOUT, again and again without waiting.
            raise ConnectionError("the connection has timed out")
        self._unanswered_pings = 0
        self._ping_at = loop.time() + PING_EVERY
        return reply

    async def _ping(self, connection: AbstractConnection) -> None:
        # Counted, not timed, so that a loop that was held does not take its own absence for Redis's.
        if self._unanswered_pings == PINGS_UNANSWERED:
            raise ConnectionError("no answer to any ping")
        self._unanswered_pings += 1
        self._ping_at = asyncio.get_running_loop().time() + PING_EVERY
        await connection.send_command("PING", check_health=False)

    def _take(self, reply: Any) -> Event | None:
        now = asyncio.get_running_loop().time()
        match reply:
            case [b"subscribe" | b"unsubscribe", bytes(channel), int()]:
                self._answer_by = now + ANSWER_TIMEOUT
                name = channel.decode()
                return Lapse(name) if self._lines.answered(name) else None
            case _ if self._lines.unanswered and now > self._answer_by:
                raise ConnectionError("no acknowledgement")
            case [b"message", bytes(channel), bytes(payload)]:
                return self._message(channel.decode(), payload)
            case [b"pong", bytes(said)] | bytes(said) if said == CAUGHT_UP:
                self._counts.connections += 1
                self._why = ""
                self._set_connected(True)
        return None

    def _message(self, channel: str, payload: bytes) -> Event | None:
        self._counts.heard += 1
        if len(payload) > MESSAGE_LIMIT:
            return Lapse(channel)
        try:
            return Event(channel, payload.decode())
        except UnicodeDecodeError:
            self._counts.bad += 1
            return None

    def _wake(self) -> None:
        if self._lines.edited and self._reading and not self._reading.expired():
            self._reading.reschedule(asyncio.get_running_loop().time())

    def _backoff(self) -> float:
        held = asyncio.get_running_loop().time() - self._opened_at
        self._opened_at = math.inf
        self._attempts = 0 if held > STEADY else min(self._attempts + 1, 10)
        most = min(BACKOFF_MOST, BACKOFF_FIRST * 2**self._attempts)
        return random.uniform(most / 2, most)  # noqa: S311

    def _set_connected(self, connected: bool) -> None:
        self.tried.set()
        if connected is not self.connected:
            self.connected = connected
            self._on_change(connected)
