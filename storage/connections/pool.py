"""How many connections there are, and who has them."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from storage.connections.connection import Connection, Observer

#: Seconds that a request waits for a free connection before it is refused.
POOL_TIMEOUT: Final = 2.0
#: Seconds that a connection gets to say goodbye.
CLOSE_TIMEOUT: Final = 2.0
#: Seconds between two looks for a statement that hangs.
WATCH: Final = 0.25


class Connections:
    """At most `size` at a time, opened when they are needed; who waits for one gets it in the order of asking.

    The last that came back goes out first: what it has prepared is what is asked for now. A connection whose statement
    has not ended after `limit` seconds is cut.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int, *, limit: float) -> None:
        self.size = size
        self.limit = limit
        #: Is told of each statement, for traces and tests.
        self.observe: Observer | None = None
        self._connect = connect
        #: All there are, and how many more are being opened.
        self._open: set[Connection] = set()
        self._opening = 0
        self._idle: list[Connection] = []
        #: Given a connection, or None for the right to open one.
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False
        self._watch: asyncio.TimerHandle | None = None

    @property
    def used(self) -> int:
        return len(self._open) + self._opening - len(self._idle)

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def take(self) -> Connection:
        """Raises TimeoutError when none is free within POOL_TIMEOUT, and what connecting raises."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._open.discard(connection)
        if self._closed:
            raise ConnectionError("The connections are closed.")
        if len(self._open) + self._opening < self.size:
            self._opening += 1
            return await self._opened()
        return await self._waited()

    def give(self, connection: Connection) -> None:
        """Takes it back; one that is not as it was is closed."""
        if self._closed or connection.is_closed() or connection.is_in_transaction():
            self.drop(connection)
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def drop(self, connection: Connection) -> None:
        """Closes it; it counts until it is, since until then the server has it."""
        if connection.is_closed():
            self._ended(connection)
        else:
            ending = asyncio.create_task(self._end(connection))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    async def close(self) -> None:
        """Those in use are cut."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(ConnectionError("The connections are closed."))
        idle, self._idle = self._idle, []
        for connection in idle:
            self.drop(connection)
        await asyncio.gather(*self._endings)
        for connection in tuple(self._open):
            connection.terminate()
            self._ended(connection)

    async def _opened(self) -> Connection:
        """By one who has the right to open one."""
        try:
            connection = await self._connect()
        except BaseException:
            self._opening -= 1
            self._invite()
            raise
        self._opening -= 1
        if self._closed:
            connection.terminate()
            raise ConnectionError("The connections are closed.")
        connection.observe = lambda: self.observe
        self._open.add(connection)
        if self._watch is None:
            self._watch = asyncio.get_running_loop().call_later(WATCH, self._look)
        return connection

    def _look(self) -> None:
        """For what hangs. One timer for all: a timer for each statement costs more than the rest of it."""
        latest = time.monotonic() - self.limit
        for connection in tuple(self._open):
            if connection.since is not None and connection.since < latest:
                connection.terminate()
        self._watch = asyncio.get_running_loop().call_later(WATCH, self._look) if self._open else None

    async def _waited(self) -> Connection:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._waiting.append(waiter)
        # Costs a third of what `asyncio.timeout` does.
        timer = loop.call_later(POOL_TIMEOUT, _expire, waiter)
        try:
            connection = await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # It came when we had just gone.
                self._pass_on(waiter.result())
            elif waiter in self._waiting:
                self._waiting.remove(waiter)
            raise
        finally:
            timer.cancel()
        if connection is None:
            return await self._opened()
        if connection.is_closed():
            self._open.discard(connection)
            self._opening += 1
            return await self._opened()
        return connection

    def _pass_on(self, connection: Connection | None) -> None:
        if connection is None:
            self._opening -= 1
            self._invite()
        else:
            self.give(connection)

    def _invite(self) -> None:
        """Lets the first who waits open one, since there is room."""
        while self._waiting and len(self._open) + self._opening < self.size:
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._opening += 1
                waiter.set_result(None)

    async def _end(self, connection: Connection) -> None:
        try:
            # Waits until a statement that was cancelled has ended, so that it holds no locks after us.
            await connection.close(timeout=CLOSE_TIMEOUT)
        except Exception:
            connection.terminate()
        finally:
            self._ended(connection)

    def _ended(self, connection: Connection) -> None:
        connection.prepared.clear()
        self._open.discard(connection)
        self._invite()


def _expire(waiter: asyncio.Future[Connection | None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError(f"No connection was free for {POOL_TIMEOUT:.0f} s."))
