"""All come back at once."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Final

import orjson
from websockets.asyncio.client import ClientConnection

from tests.faults.asking import begin, say, socket_to
from tests.faults.company import join, shelve
from tests.faults.house import Door
from tests.faults.instance import STALE
from tests.faults.play import CATCHING_UP, Play
from tests.faults.row import row
from tests.faults.writer import Balancer

#: Seconds for which idle books are watched.
WATCHED: Final = 30.0


@row("R29", "1,000 sockets are cut at once", limit=240, ways="front postgres")
async def storm(play: Play) -> None:
    count = 1000 if not play.scale.short else 60
    await play.open()
    for number in range(count):
        shelf = play.shelves[number % len(play.shelves)]
        play.follow(shelf, play.random.choice(shelf.viewers).token)
        if number % 50 == 49:
            await asyncio.gather(*(each.live.wait() for each in play.subscribers))
    async with asyncio.timeout(60):
        await asyncio.gather(*(each.live.wait() for each in play.subscribers))
    writers = [
        play.writer(shelf, balancer=Balancer([door.instance.url for door in play.rooms.doors]))
        for shelf in play.shelves
    ]
    for writer in writers:
        await writer.once()
    play.require(await play.is_current(CATCHING_UP), "not all hear what is written")
    for door in play.rooms.doors:
        assert door.front
        await door.front.refuse()
    for writer in writers:
        for _ in range(10):
            await writer.once()
    asked = _Counted(play.rooms.doors)
    before = await _reads(play)
    began = play.now
    for door in play.rooms.doors:
        assert door.front
        await door.front.accept()
    play.require(await play.is_current(CATCHING_UP), "not all have come back")
    play.target("all current after", play.now - began, 5.0)
    play.show("statements of all kinds", str(asked.times))
    # Until /metrics says what was so when they had come back.
    await asyncio.sleep(STALE)
    feeds = len(play.shelves) * len(play.rooms.doors)
    play.target("journal reads to catch up", await _reads(play) - before, feeds, "reads")
    await play.settle()


@row("IDLE", "1,000 books are followed, and nothing happens", limit=120, ways="postgres")
async def quiet(play: Play) -> None:
    count, each = (1_000 if not play.scale.short else 50), 50
    await play.open()
    door = play.rooms.doors[0]
    shelves = await shelve(play.database, books=count, viewers=0)
    sockets = []
    async with AsyncExitStack() as stack:
        for start in range(0, count, each):
            socket = await stack.enter_async_context(socket_to(door.instance.url))
            sockets.append(socket)
            # Whoever owns the first of them reads them all.
            owner = shelves[start].owner
            await join(play.sql, owner, shelves[start + 1 : start + each])
            await begin(socket, owner.token)
            for number, shelf in enumerate(shelves[start : start + each]):
                payload = {"query": "subscription($id: ID!) { bookEvents(bookId: $id, after: 0) { seq } }"}
                await say(
                    socket, id=str(number), type="subscribe", payload={**payload, "variables": {"id": shelf.book}}
                )

        async def are_followed() -> bool:
            return (await door.instance.counts())["leporello_followers"] == count

        await play.until(are_followed, 60, "all are followed")
        # Of each one something is heard, so that it stands.
        await play.sql.execute(
            "WITH changed AS (UPDATE books SET seq = seq + 1 RETURNING id, seq)"
            " INSERT INTO events (book_id, seq, kind, payload, at)"
            " SELECT id, seq, 'BookChanged', '{}', now() FROM changed"
        )
        async with asyncio.timeout(60):
            await asyncio.gather(*(_heard(socket, each) for socket in sockets))
        asked, began = _Counted([door]), play.now
        await asyncio.sleep(play.scale.lasts(WATCHED))
        play.target("statements a second", asked.times / (play.now - began), 1.0, "statements")


async def _heard(socket: ClientConnection, count: int) -> None:
    while count:
        count -= orjson.loads(await socket.recv())["type"] == "next"


async def _reads(play: Play) -> float:
    return sum([(await door.instance.counts())["leporello_journal_reads_total"] for door in play.rooms.doors])


class _Counted:
    """How often Postgres is asked by way of the proxies, from now on: each question ends with a Sync."""

    def __init__(self, doors: Iterable[Door]) -> None:
        self.times = 0
        for door in doors:
            assert door.postgres
            door.postgres.to_server = self._count

    def _count(self, chunk: bytes) -> bytes:
        self.times += chunk.count(b"S\x00\x00\x00\x04") + chunk.startswith(b"Q")
        return chunk
