"""One run from beginning to end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from bench import machine, seed
from bench.install import install
from bench.live import report
from bench.live.build import Programs, built
from bench.live.ceiling import Ceiling, ceilings
from bench.live.client import following
from bench.live.cores import allow_files
from bench.live.feed import Feed
from bench.live.idle import Idle, idle
from bench.live.keep import append
from bench.live.ladder import Ladder, Sample, all_follow
from bench.live.servers import KINDS
from bench.measure import Step
from bench.report import Answer
from bench.servers import Place
from bench.stack import seeded

OURS: Final = "leporello"


@dataclass(frozen=True)
class Asked:
    """What the command line chose."""

    servers: tuple[str, ...]
    sockets: tuple[int, ...]
    #: Numbers of sockets that the others are not given.
    only_ours: tuple[int, ...]
    rates: tuple[float, ...]
    seconds: float
    idle: int
    ceiling: bool
    keep: bool


class Run:
    """What was found, of servers that are started anew for each number of sockets."""

    def __init__(self, asked: Asked, place: Place, programs: Programs, database_pid: int, step: Step) -> None:
        self._asked = asked
        self._place = place
        self._programs = programs
        self._database_pid = database_pid
        self._step = step
        self.ceilings: Sequence[Ceiling] = ()
        self.samples: list[Sample] = []
        self.idle: list[Idle] = []

    async def all(self) -> None:
        asked = self._asked
        if asked.ceiling:
            self._step("what the load can take")
            self.ceilings = await ceilings(self._programs, max(asked.sockets), self._place.folder)
        for sockets in (*asked.sockets, *asked.only_ours):
            for name in asked.servers:
                if name == OURS or sockets in asked.sockets:
                    await self._climb(name, sockets)
        if asked.idle:
            for name in asked.servers:
                await self._idle(name)

    def answers(self) -> list[Answer]:
        found = [report.load(self.ceilings)] if self.ceilings else []
        if self.samples:
            found += [report.rates(self.samples), report.most(self.samples, self.ceilings)]
        return [*found, report.idle(self.idle)] if self.idle else found

    async def _climb(self, name: str, sockets: int) -> None:
        server, place = KINDS[name](), self._place
        self._step(f"{server.name}: {sockets:,} sockets")
        async with server.serving(place):
            feed = Feed(self._programs.feed, server.feeding(place), place.folder)
            how = await server.following(place)
            async with following(self._programs.client, server.port, how, sockets, place.folder) as client:
                await all_follow(client, feed)
                ladder = Ladder(server, place, client, feed, self._database_pid)
                async for sample in ladder.climb(self._asked.rates, self._asked.seconds, self._step):
                    self.samples.append(sample)
        await seed.refresh(place.database_url)

    async def _idle(self, name: str) -> None:
        server = KINDS[name]()
        self._step(f"{server.name}: {self._asked.idle:,} sockets that wait")
        async with server.serving(self._place):
            self.idle.append(await idle(self._programs, server, self._place, self._asked.idle))


async def whole(asked: Asked, out: Console) -> None:
    """Raises Unfit and StackFailed."""
    await install(peers=asked.servers != (OURS,))
    machine.stay_on_load_core()
    allow_files()
    async with seeded() as (place, database_pid):
        with out.status("starting") as status:
            run = Run(asked, place, await built(place.folder), database_pid, status.update)
            try:
                await run.all()
            finally:
                # Whatever comes later, what was measured is told.
                for answer in run.answers():
                    answer.show(out)
    if asked.keep:
        await append(run.answers(), asked.seconds)
