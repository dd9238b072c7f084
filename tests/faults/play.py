"""A row while it is played: what is done to it, and what is found."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

import aiohttp
import asyncpg

from storage.database import Database
from tests.faults.checker import check
from tests.faults.figures import Delays, percentile, shown
from tests.faults.house import House
from tests.faults.ledger import Sight
from tests.faults.load import Load
from tests.faults.row import Report, Row
from tests.faults.scale import Scale
from tests.faults.subscriber import Subscriber
from tests.faults.writer import ANSWER
from tests.proxy import Proxy

#: Seconds until all have seen everything, and for what must soon be so.
CATCHING_UP: Final = 30.0
SOON: Final = 10.0
#: How many faults of one kind are told.
TOLD: Final = 5


@dataclass(kw_only=True)
class Play(Load):
    house: House
    report: Report
    stack: AsyncExitStack
    #: Of single clients, beside those of the processes.
    proxies: list[Proxy] = field(default_factory=list)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def goes_on(self, seconds: float) -> None:
        """The load runs for so long."""
        await asyncio.sleep(seconds)

    async def until(self, holds: Callable[[], Awaitable[bool]], within: float, what: str) -> float:
        """After how many seconds it held; a fault when it does not."""
        began = self.now
        try:
            async with asyncio.timeout(within):
                while not await holds():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            self.require(False, f"not within {within:g} s: {what}")
            return math.inf
        return self.now - began

    async def settle(self, within: float = CATCHING_UP) -> None:
        """No more is written, all see the end of it, and the ledgers are compared."""
        await self.rest()
        # Who is not, is for the checker to say.
        await self.is_current(within)
        await self.compare()

    async def compare(self) -> None:
        for shelf in self.shelves:
            reader = Subscriber(
                self.http, self.balancer, self.ledger, Sight("", shelf.book), shelf.owner.token, self.random, Delays()
            )
            await reader.read()
            self.ledger.states[shelf.book] = reader.sight.state
        broken = [task.exception() for task in self._following.values() if task.done() and not task.cancelled()]
        self.require(not any(broken), f"a client broke: {[repr(each) for each in broken if each][:1]}")
        found = check(self.ledger)
        times = Counter(each.kind for each in found)
        for kind, count in times.items():
            told = [each.what for each in found if each.kind == kind][:TOLD]
            self.report.faults.append(f"{count} x {kind}: {'; '.join(told)}")
        self.show_load()

    # What is found

    def require(self, holds: bool, what: str) -> None:
        """What must be so whatever the machine: otherwise the row has failed."""
        if not holds:
            self.report.faults.append(what)

    def target(self, name: str, value: float, most: float, unit: str = "s") -> None:
        """A figure, and what it is to be at most."""
        shown_ = f"{value * 1e3:.0f} ms" if unit == "s" and value < 10 else f"{value:.3g} {unit}"
        self.report.figures[name] = shown_
        if not value <= most:
            wanted = f"{most * 1e3:g} ms" if unit == "s" and most < 10 else f"{most:g} {unit}"
            self.report.misses.append(f"{name} is {shown_}, of {wanted}")

    def show(self, name: str, value: object) -> None:
        self.report.figures[name] = str(value)

    def show_load(self) -> None:
        sent = self.ledger.sent.values()
        errors = Counter(each.error for each in sent if each.error)
        self.show("mutations", f"{sum(each.seq is not None for each in sent)} done")
        if errors:
            self.show("refused", ", ".join(f"{count} {code}" for code, count in errors.most_common()))
        if lost := sum(each.lost for each in self.writers):
            self.show("answers lost", lost)
        if self.answers.samples:
            self.show("answer p50/p95/p99", shown(self.answers.within()))
        if self.screens.samples:
            self.show("to screen p50/p95/p99", shown(self.screens.within()))

    def outage(self, began: float, ended: float, *, answer: float, screen: float) -> None:
        """The p95 of what began in it."""
        self.target("outage answer p95", percentile(self.answers.within(began, ended), 0.95), answer)
        self.target("outage to screen p95", percentile(self.screens.within(began, ended), 0.95), screen)

    @property
    def closes(self) -> Counter[int]:
        return sum((each.closes for each in self.subscribers), Counter[int]())

    @property
    def refusals(self) -> Counter[str]:
        return Counter(each.error for each in self.ledger.sent.values() if each.error)


@asynccontextmanager
async def playing(row: Row, house: House, scale: Scale, seed: int, report: Report) -> AsyncIterator[Play]:
    async with AsyncExitStack() as stack:
        rooms = await stack.enter_async_context(house.row())
        database = await stack.enter_async_context(Database(str(rooms.settings.database_url), pool_size=2))
        sql = await asyncpg.connect(rooms.settings.database_url)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=ANSWER))
        )
        play = Play(
            scale=scale,
            rooms=rooms,
            database=database,
            sql=sql,
            http=http,
            random=Random(f"{row.id} {seed}"),
            ways=row.ways,
            house=house,
            report=report,
            stack=stack,
        )
        stack.push_async_callback(play.end)
        yield play
