"""Readers that stall, crawl or vanish: each harms itself alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from tests.faults.company import shelve
from tests.faults.figures import percentile
from tests.faults.house import Door, before
from tests.faults.instance import STALE
from tests.faults.play import Play
from tests.faults.row import row
from tests.faults.subscriber import Subscriber
from tests.faults.writer import Balancer, Writer
from tests.proxy import Proxy

#: Seconds in which a reader that stalls is cut, and one that is gone is found out.
TOO_SLOW: Final = 5.0
GONE: Final = 25.0
#: Bytes of memory that a slow reader may cost.
MEMORY: Final = 16 * 2**20
#: Bytes of one large event, and of all that are sent; how many of them come in a second.
EVENT: Final = 200_000
EMITTED: Final = 200 * 10**6
A_SECOND: Final = 20
#: Seconds in which the slow one reads all that it missed.
DIGESTING: Final = 90.0
#: Characters of one text (models/element.py).
CONTENT: Final = 20_000


@row("R17", "one of 50 stops reading", limit=240)
async def stalled(play: Play) -> None:
    slow, door = await _with_large_events(play)
    usual = await _all_reading(play, door)
    assert slow.socket
    slow.socket.transport.pause_reading()
    began = await _flooded(play, door, usual)
    play.show("read by then", f"{len(slow.sight.stretches[-1].seen)} events")
    slow.receive_buffer = None  # of its next socket: it is slow no more
    slow.socket.transport.resume_reading()
    await _compared(play, slow, began, usual)


@row("R18", "one of 50 reads 1 KB a second", limit=240)
async def crawling(play: Play) -> None:
    slow, door = await _with_large_events(play, through_proxy=True)
    usual = await _all_reading(play, door)
    proxy = play.proxies[-1]
    proxy.bytes_per_second = 1024
    began = await _flooded(play, door, usual)
    proxy.bytes_per_second = slow.receive_buffer = None
    await proxy.cut()
    await _compared(play, slow, began, usual)


async def _with_large_events(play: Play, *, through_proxy: bool = False) -> tuple[Subscriber, Door]:
    """The usual, and one more book with one reader who is to be slow and one who is not."""
    await play.begin()
    door = play.rooms.doors[0]
    [shelf] = await shelve(play.database, books=1, viewers=2)
    play.shelves.append(shelf)
    url = door.url
    if through_proxy:
        play.proxies.append(await play.stack.enter_async_context(before(door.instance.url)))
        url = f"http://127.0.0.1:{play.proxies[-1].port}"
    slow = play.follow(shelf, shelf.viewers[0].token, Balancer([url]), receive_buffer=16_384)
    slow.sight.may_resync = True
    other = play.follow(shelf, shelf.viewers[1].token)
    await asyncio.gather(slow.live.wait(), other.live.wait())
    await play.goes_on(play.scale.lasts(5))
    return slow, door


@dataclass
class _Usual:
    """What large events come to with everybody reading."""

    elements: list[str]
    #: Bytes of memory at most, and seconds to the screens of all other books.
    resident: int
    delay: float


async def _all_reading(play: Play, door: Door) -> _Usual:
    writer = play.writer(play.shelves[-1])
    usual = _Usual(await _texts(writer), 0, 0.0)
    began = play.now
    async for _ in _emitted(play, writer, usual.elements, EMITTED // 4):
        usual.resident = max(usual.resident, door.instance.resident)
    usual.delay = percentile(_of_others(play, began), 0.99)
    play.show("p99 with everybody reading", f"{usual.delay * 1e3:.0f} ms")
    return usual


async def _flooded(play: Play, door: Door, usual: _Usual) -> float:
    """Large events, until all are emitted; when it began."""
    writer = play.writer(play.shelves[-1])
    sockets = (await door.instance.counts())["leporello_sockets"]
    most = 0
    began = play.now
    closed: float | None = None
    async for _ in _emitted(play, writer, usual.elements, EMITTED):
        most = max(most, door.instance.resident)
        if closed is None and (await door.instance.counts())["leporello_sockets"] < sockets:
            closed = play.now - began
    play.target("its socket is closed after", closed if closed is not None else float("inf"), TOO_SLOW + STALE)
    play.target("memory", (most - usual.resident) / 2**20, MEMORY / 2**20, "MiB")
    return began


async def _emitted(play: Play, writer: Writer, elements: list[str], size: int) -> AsyncIterator[None]:
    """A step after each event."""
    began = play.now
    count = (size // 10 if play.scale.short else size) // EVENT
    for number in range(count):
        await _rewritten(writer, elements, str(number % 10))
        yield
        await asyncio.sleep(max(0.0, began + (number + 1) / A_SECOND - play.now))
    play.show("emitted", f"{count * EVENT / 10**6:.0f} MB")


def _of_others(play: Play, since: float) -> list[float]:
    """How long it took until the followers of the other books had an event on their screens."""
    others = [each for each in play.subscribers if each.sight.book != play.shelves[-1].book]
    return [delay for each in others for delay in each.own.within(since, play.now)]


async def _texts(writer: Writer) -> list[str]:
    ids = []
    for _ in range(EVENT // CONTENT):
        placement = {"pageId": writer.page, "x": 0, "y": 0, "width": 1, "height": 1}
        await writer.send([{"createText": {"placement": placement, "content": "x"}}])
        ids.append(writer.payload["results"][0]["element"]["id"])
    return ids


async def _rewritten(writer: Writer, ids: list[str], letter: str) -> None:
    await writer.send([{"updateElement": {"id": id, "content": letter * CONTENT}} for id in ids])


async def _compared(play: Play, slow: Subscriber, began: float, usual: _Usual) -> None:
    ended = play.now
    play.target("the others' p99", percentile(_of_others(play, began), 0.99), 2 * usual.delay)
    await play.settle(DIGESTING)
    play.show("caught up after", f"{play.now - ended:.1f} s")
    play.require(1013 in play.closes or slow.connected > 1, "the slow one was never cut")
    play.show("sockets closed", dict(play.closes))


@row("R19", "25 of 50 vanish without a word, for 60 s", limit=180)
async def vanished(play: Play) -> None:
    await play.open()
    hole: list[Proxy] = [await play.stack.enter_async_context(before(door.instance.url)) for door in play.rooms.doors]
    behind = Balancer([f"http://127.0.0.1:{proxy.port}" for proxy in hole])
    number = 0
    for shelf in play.shelves:
        for viewer in shelf.viewers:
            play.follow(shelf, viewer.token, behind if number % 2 else None)
            number += 1
    async with asyncio.timeout(30):
        await asyncio.gather(*(each.live.wait() for each in play.subscribers))
    play.write()
    await play.goes_on(3)

    async def sockets() -> float:
        return sum([(await door.instance.counts())["leporello_sockets"] for door in play.rooms.doors])

    all_ = await sockets()
    for proxy in hole:
        proxy.hang()
    began = play.now

    async def are_gone() -> bool:
        return await sockets() <= all_ - number // 2

    took = await play.until(are_gone, 60, "those that have vanished are let go")
    play.target("let go after", took, GONE + STALE)
    await play.goes_on(max(0.0, began + 60 - play.now))
    for proxy in hole:
        proxy.resume()
        # What waited in it is of sockets that are long over.
        await proxy.cut()
    await play.settle()
    play.show("sockets closed", dict(play.closes))
