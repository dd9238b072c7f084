"""The journal and those who follow it: parallel writers, joining in the middle, old places, and an older backup."""

import asyncio
from typing import Final

from tests.faults.play import SOON, Play
from tests.faults.row import row
from tests.faults.writer import Writer

#: How many join while others write, at a time.
TOGETHER: Final = 20


@row("R25", "12 write in one book at once", limit=120)
async def parallel(play: Play) -> None:
    await play.open()
    shelf = play.shelves[0]
    del play.shelves[1:]
    await play.gather()
    writers = [play.writer(shelf) for _ in range(12)]
    each_writes = play.scale.times(50)

    async def write(number: int) -> None:
        for _ in range(each_writes):
            await writers[number].once()

    began = play.now
    async with asyncio.timeout(60):
        await asyncio.gather(*map(write, range(12)))
    play.show("a second", f"{12 * each_writes / (play.now - began):.0f}")
    await play.settle()
    play.require(not play.refusals, f"mutations have failed: {dict(play.refusals)}")
    play.require(play.ledger.heads[shelf.book] == 12 * each_writes, "not every mutation has a seq of its own")


@row("R26", "1,000 join while others write", limit=420)
async def joining(play: Play) -> None:
    await play.open()
    play.write()
    await play.goes_on(1)
    count = 1000 if not play.scale.short else 40
    joined = 0
    while joined < count:
        batch = []
        for _ in range(TOGETHER):
            shelf = play.random.choice(play.shelves)
            viewer, dawdles = play.random.choice(shelf.viewers), play.random.uniform(0, 0.1)
            batch.append(play.follow(shelf, viewer.token, dawdles=dawdles))
            await asyncio.sleep(play.random.uniform(0, 0.02))
        for each in batch:
            await asyncio.wait_for(each.live.wait(), 30)
        await play.goes_on(0.2)
        # What they saw by now is looked at in the end; a place farther on is nobody's.
        await play.look()
        for each in batch:
            await asyncio.wait_for(each.reaches(play.ledger.heads[each.sight.book]), 30)
            each.sight.follows = joined + TOGETHER >= count
        if joined + TOGETHER < count:
            await play.dismiss(batch)
        joined += TOGETHER
    play.show("joined", joined)
    await play.settle()
    play.require(not play.refusals, f"mutations have failed: {dict(play.refusals)}")


@row("R27", "a place that the journal has no more", limit=90)
async def too_old(play: Play) -> None:
    await play.open()
    await play.gather()
    writers = [play.writer(shelf) for shelf in play.shelves]
    # Half leave early, half at the very place behind which the journal is pruned: those miss nothing.
    early, at_edge = play.subscribers[::2], play.subscribers[1::2]
    await _written(play, writers, 20)
    await play.dismiss(early)
    places = {each: each.at for each in early}
    await _written(play, writers, 10)
    await play.dismiss(at_edge)
    play.ledger.kept_from = {book: head + 1 for book, head in play.ledger.heads.items()}
    await _written(play, writers, 20, seen=False)
    for book, kept in play.ledger.kept_from.items():
        await play.sql.execute("DELETE FROM events WHERE book_id = $1 AND seq < $2", book.removeprefix("bk_"), kept)
    # Nobody remembers what was pruned.
    for door in play.rooms.doors:
        await door.instance.kill()
        await door.instance.start()
    for each in play.subscribers:
        each.sight.may_resync = True
        play.take_up(each)
    await play.settle()
    for each in play.subscribers:
        wanted = 1 if each in early else 0
        told = each.sight.resyncs
        play.require(told == wanted, f"{each.sight.name} was told {told} Resyncs, not {wanted}")
    partial = [each.sight.name for each in early if each.sight.stretches[0].last > places[each]]
    play.require(not partial, f"got a part of a stream that has a beginning no more: {partial}")
    play.show("resyncs", sum(each.sight.resyncs for each in play.subscribers))


async def _written(play: Play, writers: list[Writer], times: int, *, seen: bool = True) -> None:
    for _ in range(times):
        await asyncio.gather(*(writer.once() for writer in writers))
    await play.look()
    if seen:
        async with asyncio.timeout(SOON):
            await asyncio.gather(*(each.reaches(play.ledger.heads[each.sight.book]) for each in play.present))
