"""Those of this process who change the same book come one after the other, and tell each other what they have seen.

Only a courtesy: the database decides, whoever else there is. But who waits here holds no connection meanwhile, and
finds the book as it was read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

if TYPE_CHECKING:
    from resolvers.operation.row import ElementRow

#: Seconds that a batch waits for those before it.
TURN_TIMEOUT: Final = 4.0
#: Seconds after which one that fails takes those with it who wait: what it has met they would meet as well.
HANGING: Final = 3.0
#: Books that are remembered, and bytes, about, of each one's elements.
BOOKS: Final = 256
ROOM: Final = 64 * 1024
#: Seconds until a book is read again, whoever has changed it: whose account goes leaves rows without raising a seq.
MEMORY: Final = 10.0


@dataclass(slots=True, kw_only=True)
class Memory:
    """A book as the last batch left it. It may be wrong: what is made of it is written under its seq alone."""

    epoch: str
    #: When it was read, on the monotonic clock.
    since: float
    seq: int = 0
    weight: int = 0
    #: Of those who have changed it, by their ids.
    roles: dict[UUID, str] = field(default_factory=dict)
    #: By their ids, the one that was not spoken of for longest first.
    elements: dict[str, ElementRow] = field(default_factory=dict)
    #: Bytes, about, of these.
    size: int = 0
    #: Whether nobody else has changed the book between two of our batches.
    trusted: bool = False

    @property
    def is_good(self) -> bool:
        return self.trusted and monotonic() < self.since + MEMORY

    def learn(self, elements: Mapping[str, ElementRow | None]) -> None:
        """What has become of these; None for those that are gone."""
        for id, element in elements.items():
            self._drop(id)
            if element is not None:
                self.elements[id] = element
                self.size += element.weight
        while self.size > ROOM:
            self._drop(next(iter(self.elements)))

    def _drop(self, id: str) -> None:
        element = self.elements.pop(id, None)
        if element is not None:
            self.size -= element.weight


class Turn:
    """One book's, for the length of an `async with`, by one at a time. Entering raises TimeoutError."""

    __slots__ = ("_since", "_taken", "_waiting", "memory", "users")

    def __init__(self) -> None:
        #: Those who have it or wait for it.
        self.users = 0
        self._taken = False
        self._since = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.memory: Memory | None = None

    async def __aenter__(self) -> Self:
        self.users += 1
        try:
            if self._taken:
                await self._wait()
        except BaseException:
            self.users -= 1
            raise
        self._taken, self._since = True, monotonic()
        return self

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiting.append(waiter)
        # Costs a third of what `asyncio.timeout` does.
        timer = loop.call_later(TURN_TIMEOUT, _expire, waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # It came when we had just gone.
                self._pass_on()
            raise
        finally:
            timer.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.users -= 1
        if isinstance(error, Exception) and monotonic() > self._since + HANGING:
            for waiter in self._waiting:
                _expire(waiter)
        self._pass_on()

    def _pass_on(self) -> None:
        """To the first who waits still."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._taken = False


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError("The book was being changed for too long."))


class Turns:
    """All books' that are being changed, and of the BOOKS that were changed last."""

    def __init__(self) -> None:
        self._turns: dict[UUID, Turn] = {}

    def of(self, book_id: UUID) -> Turn:
        """To be entered at once."""
        turn = self._turns.pop(book_id, None)
        if turn is None:
            turn = Turn()
            if len(self._turns) >= BOOKS:
                self._forget()
        self._turns[book_id] = turn
        return turn

    def _forget(self) -> None:
        """The one that was not changed for longest; those that are being changed stay, however many."""
        for book_id, turn in self._turns.items():
            if not turn.users:
                del self._turns[book_id]
                return
