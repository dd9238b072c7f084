"""Rising rates, until a server does not keep up."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench import process
from bench.live.client import Client, Come
from bench.live.cores import LoadCore
from bench.live.feed import Fed, Feed
from bench.live.servers import Followed
from bench.measure import Step
from bench.meter import Meter
from bench.servers import Place

RATES: Final = (5, 10, 20, 50, 100, 200, 400, 800, 1600, 3200)
#: Below this part of what was sent, or above this many seconds at p99, it does not keep up.
ENOUGH: Final = 0.95
LATE: Final = 1.0
_DRAIN_LIMIT: Final = 5.0
"""Seconds after the last event within which it may still come."""
_HEARD_LIMIT: Final = 60.0
"""Seconds from the first event until each socket has had one."""
_FIRST_RATE: Final = 2.0


@dataclass(frozen=True)
class Sample:
    """One rate. CPU is microseconds of the server's for one delivery."""

    server: str
    sockets: int
    rate: float
    seconds: float
    fed: Fed
    come: Come
    cpu: float
    resident: int
    #: How busy the core was that all others share; and of both cores, what was not ours.
    load_core: float
    foreign: float

    @property
    def delivered(self) -> float:
        """A second: for as long as it was sent, and as much longer as it took to come.

        Where that is short, an uneven latency looks like a lag: 100 ms are 5 % of 2 s.
        """
        lag = max(self.come.coming - self.come.sending, 0) / 1e6
        return self.come.events / (self.seconds + lag)

    @property
    def is_fed(self) -> bool:
        return self.fed.sent >= ENOUGH * self.rate * self.seconds

    @property
    def keeps_up(self) -> bool:
        come = self.come
        wanted = ENOUGH * self.fed.answered * self.sockets / self.seconds
        is_whole = bool(come.events) and not (come.gaps or come.repeats or come.closed)
        return is_whole and self.delivered >= wanted and come.p99 <= LATE * 1e6


class Ladder:
    """One server with so many sockets."""

    def __init__(self, server: Followed, place: Place, client: Client, feed: Feed, database_pid: int) -> None:
        self._server = server
        self._place = place
        self._client = client
        self._feed = feed
        self._database_pid = database_pid

    async def climb(self, rates: Sequence[float], seconds: float, step: Step) -> AsyncIterator[Sample]:
        """Ends with the first rate that is too much, and one halfway between that and the last that was not."""
        last = 0.0
        for rate in rates:
            step(f"{self._server.name}: {self._client.sockets:,} sockets, {rate:g} a second")
            sample = await self.at(rate, seconds)
            yield sample
            if not (sample.keeps_up and sample.is_fed):
                if last and not sample.come.closed:
                    yield await self.at(math.sqrt(last * rate), seconds)
                return
            last = rate

    async def at(self, rate: float, seconds: float) -> Sample:
        await self._client.begin()
        meter, core = Meter(self._database_pid, self._server.pid), LoadCore()
        fed = await self._feed.run(rate, seconds)
        come = await self._client.end(fed.answered * self._client.sockets, _DRAIN_LIMIT)
        meter.stop()
        return Sample(
            self._server.name,
            self._client.sockets,
            rate,
            seconds,
            fed,
            come,
            meter.server / max(come.events, 1) * 1e6,
            process.resident_bytes(self._server.pid),
            core.busy(),
            meter.foreign,
        )


async def all_follow(client: Client, feed: Feed) -> None:
    """Changes the book until each socket has heard of it: nobody says that a subscription stands."""
    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(client.all_have_heard(_HEARD_LIMIT))
        while not hearing.done():
            await feed.run(_FIRST_RATE, 1 / _FIRST_RATE)
