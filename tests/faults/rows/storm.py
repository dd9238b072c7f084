"""All come back at once."""

import asyncio
from typing import Final

from tests.faults.play import CATCHING_UP, Play
from tests.faults.row import row
from tests.faults.writer import Balancer

#: Seconds by which /metrics may be late.
STALE: Final = 1.0


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
    asked = _Counted(play)
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


async def _reads(play: Play) -> float:
    return sum([(await door.instance.counts())["leporello_journal_reads_total"] for door in play.rooms.doors])


class _Counted:
    """How often Postgres is asked by way of the proxies, from now on: each question ends with a Sync."""

    def __init__(self, play: Play) -> None:
        self.times = 0
        for door in play.rooms.doors:
            assert door.postgres
            door.postgres.to_server = self._count

    def _count(self, chunk: bytes) -> bytes:
        self.times += chunk.count(b"S\x00\x00\x00\x04") + chunk.startswith(b"Q")
        return chunk
