"""The load of a row: its books and processes, those who write and those who follow."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import aiohttp
import asyncpg

from storage.database import Database
from tests.faults.company import Shelf, shelve
from tests.faults.figures import Delays
from tests.faults.house import Rooms
from tests.faults.ledger import Committed, Ledger, Sight
from tests.faults.scale import Scale
from tests.faults.subscriber import Subscriber
from tests.faults.writer import ANSWER, Balancer, Writer

#: Seconds until everybody listens.
GATHERING: Final = 30.0
#: Seconds that are not measured: documents are planned, connections opened.
WARM_UP: Final = 3.0


@dataclass(kw_only=True)
class Load:
    scale: Scale
    rooms: Rooms
    database: Database
    #: Straight to Postgres, whatever the row breaks.
    sql: asyncpg.Connection
    http: aiohttp.ClientSession
    random: Random
    #: On which ways of each process a proxy stands.
    ways: frozenset[str]
    balancer: Balancer = field(default_factory=lambda: Balancer([]))
    ledger: Ledger = field(default_factory=Ledger)
    shelves: list[Shelf] = field(default_factory=list)
    writers: list[Writer] = field(default_factory=list)
    subscribers: list[Subscriber] = field(default_factory=list)
    answers: Delays = field(default_factory=Delays)
    screens: Delays = field(default_factory=Delays)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _writing: list[asyncio.Task[None]] = field(default_factory=list)
    _following: dict[Subscriber, asyncio.Task[None]] = field(default_factory=dict)

    async def begin(self, **settings: Any) -> None:
        """The usual: processes, books, subscribers that all hear, and writers at their pace; all of it warm."""
        await self.open(**settings)
        await self.gather()
        self.write()
        await asyncio.sleep(self.scale.lasts(WARM_UP))
        self.answers.samples.clear()
        self.screens.samples.clear()

    async def open(self, **settings: Any) -> None:
        """Processes and books."""
        scale = self.scale
        self.shelves = await shelve(self.database, books=scale.books, viewers=scale.subscribers // scale.books)
        await self.rooms.open(scale.processes, ways=self.ways, **settings)
        self.balancer.urls = [door.url for door in self.rooms.doors]

    async def gather(self) -> None:
        """Each viewer of each book follows it."""
        for shelf in self.shelves:
            for viewer in shelf.viewers:
                self.follow(shelf, viewer.token)
        async with asyncio.timeout(GATHERING):
            await asyncio.gather(*(each.live.wait() for each in self.subscribers))

    def follow(self, shelf: Shelf, token: str, balancer: Balancer | None = None, **more: Any) -> Subscriber:
        """One more subscriber; `more` are fields of its own."""
        sight = Sight(f"subscriber {len(self.subscribers)}", shelf.book)
        self.ledger.sights.append(sight)
        subscriber = Subscriber(
            self.http,
            balancer or self.balancer,
            self.ledger,
            sight,
            token,
            Random(self.random.getrandbits(64)),
            self.screens,
            **more,
        )
        self.subscribers.append(subscriber)
        self.take_up(subscriber)
        return subscriber

    async def dismiss(self, subscribers: list[Subscriber]) -> None:
        """They go, and remember their place."""
        tasks = [self._following.pop(each) for each in subscribers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def take_up(self, subscriber: Subscriber) -> None:
        """It follows from where it is."""
        self._following[subscriber] = asyncio.create_task(subscriber.follow())

    def writer(self, shelf: Shelf, token: str | None = None, balancer: Balancer | None = None) -> Writer:
        """One more, that writes when it is told to."""
        writer = Writer(
            self.http,
            balancer or self.balancer,
            self.ledger,
            token or shelf.owner.token,
            shelf.book,
            shelf.page,
            Random(self.random.getrandbits(64)),
            self.answers,
        )
        self.writers.append(writer)
        return writer

    def write(self) -> None:
        """From now on events come at the row's rate."""
        writers = [self.writer(shelf) for shelf in self.shelves for _ in range(self.scale.writers)]
        every = len(writers) / self.scale.rate
        self._stop = asyncio.Event()
        self._writing += [asyncio.create_task(each.write(every, self._stop)) for each in writers]

    @property
    def present(self) -> list[Subscriber]:
        """Those who have not been dismissed."""
        return [*self._following]

    async def rest(self) -> None:
        """Writers end with the answer to their last mutation."""
        self._stop.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * ANSWER):
                await asyncio.gather(*self._writing)
                self._writing.clear()
        await self.look()

    async def reconnect(self) -> None:
        """Our own connection, once Postgres is there again."""
        await _closed(self.sql)
        self.sql = await asyncpg.connect(self.rooms.settings.database_url)

    async def look(self) -> None:
        """The journals and heads, as they are committed."""
        ledger = self.ledger
        for shelf in self.shelves:
            id = shelf.book.removeprefix("bk_")
            rows = await self.sql.fetch("SELECT seq, batch_id FROM events WHERE book_id = $1 ORDER BY seq", id)
            ledger.committed[shelf.book] = [Committed(row["seq"], row["batch_id"]) for row in rows]
            head = await self.sql.fetchrow("SELECT seq, epoch FROM books WHERE id = $1", id)
            ledger.heads[shelf.book], ledger.epochs[shelf.book] = head["seq"], head["epoch"]

    async def is_current(self, within: float) -> bool:
        """Whether all who follow see what is committed by now, within so many seconds."""
        await self.look()
        heads = self.ledger.heads
        following = [each for each in self.subscribers if each.sight.follows]
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(*(each.reaches(heads[each.sight.book]) for each in following))
        except TimeoutError:
            return False
        return True

    async def end(self) -> None:
        self._stop.set()
        tasks = [*self._writing, *self._following.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _closed(self.sql)


async def _closed(connection: asyncpg.Connection) -> None:
    # The row may have ended its server.
    with suppress(asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
        await connection.close(timeout=2)
