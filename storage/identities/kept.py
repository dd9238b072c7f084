"""What a provider says of itself, asked once in a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from storage.identities.provider import Away

T = TypeVar("T")

#: Seconds for which it is believed.
LIFETIME: Final = 3_600.0
#: Seconds between two questions, whatever came of the first: nobody has us ask a provider that is away again and again.
SPARED: Final = 5.0


class Kept(Generic[T]):
    """One value. Everybody who wants it at once waits for one question."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._lock = asyncio.Lock()
        self._asked = -LIFETIME
        self._value: T | None = None
        self._failure = "not asked yet"

    async def get(self, lifetime: float = LIFETIME) -> T:
        """At most so old. Raises Away."""
        async with self._lock:
            if time.monotonic() - self._asked >= (SPARED if self._value is None else lifetime):
                self._value = None
                try:
                    self._value = await self._ask()
                except Away as away:
                    self._failure = str(away)
                self._asked = time.monotonic()
            if self._value is None:
                raise Away(self._failure)
            return self._value

    async def newer(self) -> T:
        """Asked again, unless that was just done. Raises Away."""
        return await self.get(SPARED)
