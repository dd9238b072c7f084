"""Takes what is due, as much as there is room for, and looks after what others have left."""

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from resolvers.context import Parts
from resolvers.jobs.registry import Registry
from server.worker.attempt import Attempt
from server.worker.holding import Holding
from storage.jobs import LEASE, Bell, Held, Queue, Schedules

#: Seconds after which it looks, though nothing rang, and until it does when something due was not to be had.
POLL: Final = 10.0
SOON: Final = 0.25
#: Seconds before it asks a database again that was away.
AWAY: Final = 1.0
#: Seconds that running jobs have to end once it is told to stop; then they are given back. A container has more.
GRACE: Final = 20.0

_log = structlog.get_logger("jobs")


class Worker:
    """Does `at_once` jobs at a time, and touches `beat` while it lives."""

    def __init__(
        self,
        parts: Parts,
        registry: Registry,
        *,
        at_once: int = 4,
        lease: float = LEASE,
        poll: float = POLL,
        grace: float = GRACE,
        beat: Path | None = None,
    ) -> None:
        self._parts = parts
        self._registry = registry
        self._names = registry.names
        self._at_once = at_once
        self._poll = poll
        self._grace = grace
        self._beat = beat
        self._queue = Queue(parts.database, lease=lease)
        self._schedules = Schedules(parts.database, registry.due)
        self.bell = Bell(parts.database)
        self._holding = Holding(self._queue, self.bell.ring)
        self._tended = 0.0
        self._is_stopping = False

    def stop(self) -> None:
        """Has `run` return, once what it does is done or given back."""
        self._is_stopping = True
        self.bell.ring()

    async def run(self) -> None:
        """Until it is told to stop; while the database is away it waits for it."""
        beating = asyncio.create_task(self._holding.beat(), name="jobs.beat")
        try:
            async with self.bell:
                while not self._is_stopping:
                    if self._beat is not None:
                        self._beat.touch()
                    self.bell.clear()
                    await self.bell.wait(await self._round())
                await self._holding.leave(self._grace)
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    async def drain(self, *, upto: datetime | None = None) -> int:
        """Does what is due, or will be by `upto`, one after the other until nothing is left; how many tries.

        For tests and tools: no lease is prolonged meanwhile.
        """
        tries = 0
        while claimed := await self._queue.claim(self._names, 1, upto=upto):
            for held in claimed:
                await self._attempt(held).make()
                tries += 1
        return tries

    async def _round(self) -> float:
        """Begins what there is to begin; after how many seconds to look again, if nothing rings."""
        try:
            if time.monotonic() >= self._tended:
                await self.tend()
                self._tended = time.monotonic() + self._poll
            while (free := self._at_once - len(self._holding)) > 0:
                names, most = self._claimable(free)
                claimed = await self._queue.claim(names, most)
                for held in claimed:
                    self._holding.begin(self._attempt(held))
                if len(claimed) < most:
                    return await self._until_next(names)
            return self._poll
        except Exception as error:
            _log.warning("the queue is away", error=type(error).__name__)
            return AWAY

    def _claimable(self, free: int) -> tuple[list[str], int]:
        """What there is room for, and how many of that at once: what takes long never takes the last place of all."""
        long = sum(self._registry[name].takes_long for name in self._holding.names)
        room = max(self._at_once - 1, 1) - long
        if room > 0:
            return self._names, min(free, room)
        return [kind.name for kind in self._registry if not kind.takes_long], free

    async def _until_next(self, names: list[str]) -> float:
        """Of these names: for the others there is room when one ends, which rings."""
        due, lapsed = await self._queue.next(names)
        if lapsed is not None:
            self._tended = min(self._tended, time.monotonic() + max(lapsed, SOON))
        left = self._tended - time.monotonic()
        return max(SOON, min(left, self._poll, due if due is not None else self._poll))

    async def tend(self) -> None:
        """Puts back what was left by those who are gone, and puts what the clock asks for."""
        for lapsed in await self._queue.lapsed(self._names):
            kind = self._registry[lapsed.name]
            if lapsed.tries < kind.tries:
                ended = await self._queue.retry(lapsed, "Its worker was lost.", kind.backoff.after(lapsed.tries))
            else:
                ended = await self._queue.die(lapsed, "Its worker was lost.", self._registry.then(kind))
            if ended:
                _log.warning("a job's worker was lost", name=lapsed.name, id=lapsed.id, tried=lapsed.tries)
        await self._schedules.fire()

    def _attempt(self, held: Held) -> Attempt:
        return Attempt(self._parts, self._queue, self._registry, held)
