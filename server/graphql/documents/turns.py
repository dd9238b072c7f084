"""Whose new document is read or planned next: one at a time, and the callers in rotation."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Final

from models.refusal import RateLimited, Unavailable

#: Of one caller, and of all together, so many may wait; and for so many seconds.
WAITING_EACH: Final = 200
WAITING: Final = 2_000
WAIT: Final = 5.0


class Turns:
    """Each caller's wait in the order of asking, so that who brings many waits for them alone."""

    def __init__(self) -> None:
        self.are_taken = False
        #: The caller whose turn comes next is the first.
        self._queues: dict[Hashable, deque[asyncio.Future[None]]] = {}
        #: Of all of them together.
        self.waiting = 0

    @asynccontextmanager
    async def of(self, caller: Hashable) -> AsyncIterator[None]:
        """The turn, for the length of an `async with`; entering raises RateLimited and Unavailable."""
        if self.are_taken:
            await self._wait(caller)
        self.are_taken = True
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, caller: Hashable) -> None:
        if len(self._queues.get(caller, ())) >= WAITING_EACH:
            raise RateLimited("Too many of your new documents are waiting.", retry_after=1)
        if self.waiting >= WAITING:
            raise Unavailable("Too many new documents are waiting. Try again in a moment.")
        place = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(place)
        self.waiting += 1
        try:
            async with asyncio.timeout(WAIT):
                await place
        except BaseException as error:
            self._leave(caller, place)
            if isinstance(error, TimeoutError):
                raise Unavailable("New documents take too long. Try again in a moment.") from None
            raise
        finally:
            self.waiting -= 1

    def _leave(self, caller: Hashable, place: asyncio.Future[None]) -> None:
        if not place.cancelled():
            # The turn came when we had just gone.
            self._pass_on()
            return
        queue = self._queues.get(caller)
        # It is not there when it would have been next, and was passed over.
        if queue and place in queue:
            queue.remove(place)
            if not queue:
                del self._queues[caller]

    def _pass_on(self) -> None:
        """To the next caller, or to nobody: who waits no longer is passed over."""
        while self._queues:
            caller = next(iter(self._queues))
            queue = self._queues.pop(caller)
            place = queue.popleft()
            if queue:
                self._queues[caller] = queue
            if not place.done():
                place.set_result(None)
                return
        self.are_taken = False
