"""Budgets for what is asked all the time: counted in memory, and told to Redis when it adds up to something.

In one process it is a sliding counter: what the window before this one had is taken as spread evenly over it. Several
together give at most a SHARE each, and what they gave in one SETTLED, beyond it. An answer of Redis before each
operation would cost far more.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from storage.rates.windows import Limit, Windows

#: Seconds between two settlements with Redis.
SETTLED: Final = 1.0
#: The part of a budget that is not worth telling.
SHARE: Final = 0.01
#: Spenders that are remembered; more are let through, and counted once there is room.
REMEMBERED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What it is told of by, and how much there is of it."""

    name: str
    limit: Limit


@dataclass(slots=True)
class _Spender:
    """What was spent in the window of now, and in the one before: of that counts what is still in sight."""

    since: float
    before: float = 0.0
    spent: float = 0.0
    settled: float = 0.0
    over_until: float = 0.0

    def wait(self, limit: Limit, cost: float, now: float) -> float | None:
        """How long until the cost fits in; None where it does now."""
        fading = self.before * (1 - (now - self.since) / limit.seconds)
        excess = fading + self.spent + cost - limit.amount
        if excess <= 0 or fading + self.spent == 0:
            return None
        if excess > fading:
            return self.since + limit.seconds - now
        return excess / self.before * limit.seconds


class Budgets:
    """`charge` takes no time; a task settles with the others."""

    def __init__(self, windows: Windows, clock: Callable[[], float] = time.monotonic) -> None:
        self._windows = windows
        self._clock = clock
        self._spenders: dict[tuple[Budget, str], _Spender] = {}
        self._unsettled: set[tuple[Budget, str]] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._settle_always(), name="rates")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def charge(self, budget: Budget, who: str, cost: float) -> float | None:
        """Takes the cost; or nothing, and gives the seconds after which to come again."""
        now = self._clock()
        key = (budget, who)
        spender = self._spenders.get(key)
        if spender is None:
            if len(self._spenders) >= REMEMBERED:
                return None
            spender = self._spenders[key] = _Spender(now)
        if now < spender.over_until:
            return spender.over_until - now
        limit = budget.limit
        if now - spender.since >= limit.seconds:
            self._begin_anew(key, spender, now)
        wait = spender.wait(limit, cost, now)
        if wait is not None:
            return max(1.0, wait)
        spender.spent += cost
        if spender.spent - spender.settled >= limit.amount * SHARE:
            self._unsettled.add(key)
        return None

    async def settle(self) -> None:
        """Tells Redis what was spent here, and learns who is over by what was spent elsewhere."""
        unsettled, self._unsettled = self._unsettled, set()
        for budget, who in unsettled:
            spender = self._spenders.get((budget, who))
            if spender is None:
                continue
            owed = min(round(spender.spent - spender.settled), budget.limit.amount)
            spender.settled = spender.spent
            wait = await self._windows.roughly(budget.limit, budget.name, who, cost=owed)
            if wait is not None:
                spender.over_until = self._clock() + wait
        self._forget()

    async def _settle_always(self) -> None:
        while True:
            await asyncio.sleep(SETTLED)
            await self.settle()

    def _begin_anew(self, key: tuple[Budget, str], spender: _Spender, now: float) -> None:
        """The next window; or the first, for who was away for longer."""
        limit = key[0].limit
        followed = now - spender.since < 2 * limit.seconds
        # What was more than all of it, once, is all of it.
        spender.before = min(spender.spent, limit.amount) if followed else 0.0
        spender.since = spender.since + limit.seconds if followed else now
        spender.spent = spender.settled = 0.0
        # To the end: the order is that of their windows.
        del self._spenders[key]
        self._spenders[key] = spender

    def _forget(self) -> None:
        """Whose last window is over."""
        now = self._clock()
        over: list[tuple[Budget, str]] = []
        for key, spender in self._spenders.items():
            if now - spender.since < 2 * key[0].limit.seconds or now < spender.over_until:
                break
            over.append(key)
        for key in over:
            del self._spenders[key]
