"""An older backup is restored under the running program: its numbers will mean other changes."""

import asyncio
import sys

from tests.faults.play import Play
from tests.faults.row import row
from tests.running import ROOT

#: What a backup has of books and their canvases, in an order in which it can be put back.
_TABLES = ("pages", "elements", "events", "batches")


@row("R15", "an older backup is restored, and `leporello epoch` run", limit=90)
async def with_epoch(play: Play) -> None:
    await _restored(play, run_epoch=True)


@row("R15B", "an older backup is restored, and nobody says so", limit=90)
async def without_epoch(play: Play) -> None:
    await _restored(play, run_epoch=False)


async def _restored(play: Play, *, run_epoch: bool) -> None:
    await play.begin()
    await play.goes_on(play.scale.lasts(3))
    await play.rest()
    await play.sql.execute("CREATE SCHEMA backup")
    for table in ("books", *_TABLES):
        await play.sql.execute(f"CREATE TABLE backup.{table} AS TABLE public.{table}")
    at_backup = dict(play.ledger.heads)
    play.write()
    await play.goes_on(play.scale.lasts(3))
    await play.rest()
    lost = dict(play.ledger.heads)
    await asyncio.gather(*(each.reaches(lost[each.sight.book]) for each in play.subscribers))
    play.show("changes that the backup lacks", sum(lost.values()) - sum(at_backup.values()))
    epochs = dict(play.ledger.epochs)
    async with play.sql.transaction():
        await _put_back(play)
    play.ledger.sent.clear()
    for each in play.subscribers:
        each.sight.may_resync = True
    if run_epoch:
        await _epoch(play)
    restored_at = play.now
    # Only what is in the backup may be changed by those who write now.
    for writer in play.writers:
        writer.mine.clear()
    play.write()
    told = await play.until(lambda: _all_told(play), 15, "everybody is told to read anew")
    play.show("all told after", f"{told:.1f} s")
    await play.goes_on(max(0.0, play.scale.lasts(3) - (play.now - restored_at)))
    await play.settle()
    for each in play.subscribers:
        [first, *_] = each.sight.stretches
        play.require(first.last <= lost[each.sight.book], f"{each.sight.name} took new changes for old ones")
    same = [book for book, epoch in epochs.items() if play.ledger.epochs[book] == epoch]
    play.require(not same, f"{len(same)} books are still in the old epoch")


async def _put_back(play: Play) -> None:
    await play.sql.execute(
        "UPDATE books SET seq = b.seq, epoch = b.epoch, weight = b.weight, updated_at = b.updated_at"
        " FROM backup.books b WHERE b.id = books.id"
    )
    for table in reversed(_TABLES):
        await play.sql.execute(f"DELETE FROM {table}")
    for table in _TABLES:
        await play.sql.execute(f"INSERT INTO {table} SELECT * FROM backup.{table}")


async def _epoch(play: Play) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "epoch"),
        cwd=ROOT,
        env=play.rooms.doors[0].instance.environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    play.require(await asyncio.wait_for(process.wait(), 30) == 0, "`leporello epoch` has failed")


async def _all_told(play: Play) -> bool:
    return all(each.sight.resyncs for each in play.subscribers)
