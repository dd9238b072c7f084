"""Many who want the same: one element, one order of pages."""

import asyncio
from random import Random
from uuid import UUID

from tests.faults.play import Play
from tests.faults.row import row
from tests.faults.writer import NOOP, Balancer, Writer


def one_at_each(play: Play, count: int) -> list[Writer]:
    """Writers of the first book, in turn at each process."""
    urls = [door.url for door in play.rooms.doors]
    shelf = play.shelves[0]
    return [play.writer(shelf, balancer=Balancer([urls[number % len(urls)]])) for number in range(count)]


@row("R20", "two move one element, 500 times each", limit=240)
async def one_element(play: Play) -> None:
    await play.open()
    del play.shelves[1:]
    await play.gather()
    writers = one_at_each(play, 2)
    await writers[0].once()
    element = writers[0].mine[0]
    known = dict.fromkeys(range(2), 1)
    #: By the seq that each move got, the seq of the element that it was based on.
    based: dict[int, int] = {}
    conflicts = 0

    async def move(number: int) -> None:
        nonlocal conflicts
        writer, done = writers[number], 0
        while done < (100 if play.scale.short else 500):
            x = round(writer.random.uniform(0, 1000), 3)
            sent = await writer.send([{"updateElement": {"id": element, "x": x, "ifSeq": known[number]}}])
            if sent.seq is not None:
                based[sent.seq] = known[number]
                known[number] = sent.seq
                done += 1
            elif sent.error == "CONFLICT":
                conflicts += 1
                [now] = writer.payload["conflicts"]
                play.require(now["id"] == element and now["seq"] > known[number], f"a conflict with {now}")
                known[number] = now["seq"]
            else:
                play.require(False, f"a move was {sent.error}")
                return

    async with asyncio.timeout(180):
        await asyncio.gather(move(0), move(1))
    lost = [seq for seq, base in based.items() if base != seq - 1]
    play.require(not lost, f"updates were lost: {lost[:5]} were based on what was no longer so")
    play.show("moves/conflicts", f"{len(based)}/{conflicts}")
    play.require(conflicts > 0, "they never met")
    await play.settle()
    play.require(max(based) == play.ledger.heads[play.shelves[0].book], "the last move is not the last change")


@row("R24", "4 reorder the pages of a book at once, 1,000 times", limit=240)
async def pages(play: Play) -> None:
    await play.open()
    del play.shelves[1:]
    await play.gather()
    writers = one_at_each(play, 4)
    made = 12
    for _ in range(made):
        await writers[0].send([{"createPage": {"name": f"Page {play.random.random()}"}}])
    book = UUID(play.shelves[0].book.removeprefix("bk_"))
    alive = "SELECT id, order_key FROM pages WHERE book_id = $1 AND deleted_at IS NULL ORDER BY order_key, id"
    before = [f"pg_{page['id']}" for page in await play.sql.fetch(alive, book)]
    times = (80 if play.scale.short else 1000) // len(writers)

    async def reorder(writer: Writer, random: Random) -> None:
        for _ in range(times):
            id, behind = random.sample([*before, None], 2)
            if id is None:
                id, behind = behind, id
            await writer.send([{"updatePage": {"id": id, "afterPageId": behind}}])

    async with asyncio.timeout(180):
        await asyncio.gather(*(reorder(writer, writer.random) for writer in writers))
    after = await play.sql.fetch(alive, book)
    play.require(sorted(before) == sorted(f"pg_{page['id']}" for page in after), "pages came or went")
    keys = [page["order_key"] for page in after]
    play.require(len({*keys}) == len(keys), "two pages have one key")
    play.show("the longest key", f"{max(map(len, keys))} characters")
    await play.settle()
    play.require(set(play.refusals) <= {NOOP}, f"mutations have failed: {dict(play.refusals)}")
