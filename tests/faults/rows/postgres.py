"""Postgres cut off, stopped, killed, failing and short of connections: it holds the truth, and nothing else does."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.faults.figures import percentile
from tests.faults.instance import family
from tests.faults.play import Play
from tests.faults.row import row
from tests.faults.rows.redis import CALM
from tests.faults.writer import Writer

#: What a client is to hear of a part that is away: in these words, and in no others.
CLEAN = {"UNAVAILABLE", "TIMEOUT"}
#: Seconds in which a request fails when the database hangs (the statement timeout), and a little.
FAIL_FAST = 5.0
#: Seconds that the loop may be held.
HELD = 0.1


async def succeeds(writer: Writer) -> bool:
    return (await writer.once()).seq is not None


def only_cleanly(play: Play) -> None:
    dirty = {code: count for code, count in play.refusals.items() if code not in CLEAN}
    play.require(not dirty, f"mutations have failed otherwise than as {sorted(CLEAN)}: {dirty}")
    stacks = [each for writer in play.writers for each in writer.broken if "Traceback" in each or "asyncpg" in each]
    play.require(not stacks, f"an answer shows our insides: {stacks[:1]}")


@row("R11", "all connections to Postgres are ended", limit=120)
async def terminated(play: Play) -> None:
    await play.begin()
    cuts = []
    for _ in range(play.scale.times(5)):
        await play.goes_on(play.scale.lasts(2))
        cuts.append(play.now)
        ended = await play.sql.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'leporello'"
        )
        play.require(ended > 0, "there was no connection to end")
    await play.goes_on(play.scale.lasts(2))
    # From each cut until the last refusal before the next was answered.
    refused = [each.answered_at for each in play.ledger.sent.values() if each.error and each.answered_at]
    healthy = [at - max((cut for cut in cuts if cut <= at), default=at) for at in refused]
    play.target("pool healthy, at most", max(healthy, default=0.0), 1.0)
    await play.settle()
    only_cleanly(play)


@row("R13", "Postgres is killed, and recovers", limit=180)
async def killed(play: Play) -> None:
    await play.begin()
    outages = []
    for _ in range(play.scale.times(3)):
        await play.goes_on(play.scale.lasts(CALM))
        began = play.now
        await play.house.postgres.kill()
        await play.house.postgres.start()
        await play.reconnect()
        outages.append(play.now - began)
    play.require(await play.sql.fetchval("SHOW synchronous_commit") == "on", "a commit is not kept for sure")
    await play.goes_on(play.scale.lasts(CALM))
    play.show("away, at most", f"{max(outages):.1f} s")
    await play.settle()
    only_cleanly(play)


@asynccontextmanager
async def standing_still(play: Play) -> AsyncIterator[None]:
    """Postgres and all that it has started: what is begun meanwhile stands still in its listen queue."""
    pids = family(play.house.postgres.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@row("R12", "Postgres stands still for 10 s", limit=120)
async def frozen(play: Play) -> None:
    await play.begin()
    await play.goes_on(play.scale.lasts(CALM))
    seconds = play.scale.lasts(10)
    began = play.now
    lives, reddened = [], False
    async with standing_still(play):
        while play.now < began + seconds:
            for door in play.rooms.doors:
                asked = play.now
                status, _ = await door.instance.probe("live")
                play.require(status == 200, f"/health/live says {status}")
                lives.append(play.now - asked)
            if play.now > began + min(2.0, seconds / 2):
                reddened |= all([(await door.instance.probe("ready"))[0] == 503 for door in play.rooms.doors])
            await asyncio.sleep(0.02)
    ended = play.now
    play.require(reddened, "/health/ready stayed green")
    play.target("/health/live, worst", max(lives), HELD)
    for door in play.rooms.doors:
        lag = (await door.instance.counts()).get("leporello_loop_lag_seconds")
        if lag is not None:
            play.show("loop lag by /metrics", f"{lag * 1e3:.0f} ms")
    await play.goes_on(play.scale.lasts(CALM))
    await play.settle()
    refused = [
        each.answered_at - each.sent_at
        for each in play.ledger.sent.values()
        if each.error and each.answered_at and began <= each.sent_at <= ended
    ]
    if not play.scale.short:
        play.require(bool(refused), "nothing was refused, in ten seconds without a database")
    if refused:
        play.target("refused after, at most", max(refused), FAIL_FAST + 1)
    only_cleanly(play)


@row("R10", "the last of three writes fails", limit=60)
async def half_done(play: Play) -> None:
    await play.open()
    shelf = play.shelves[0]
    writer = play.writer(shelf)
    await writer.once()
    subscriber = play.follow(shelf, shelf.viewers[0].token)
    await asyncio.wait_for(subscriber.live.wait(), 10)
    # Rows, journal and batch are written; the last of them raises something that nobody foresaw.
    await play.sql.execute(
        "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the secret is 1234' USING ERRCODE = 'XX000'; END $$"
    )
    before = await play.sql.fetchrow("SELECT seq, updated_at FROM books ORDER BY seq DESC LIMIT 1")
    for table in ("batches", "events", "elements"):
        await play.sql.execute(f"CREATE TRIGGER fails AFTER INSERT OR UPDATE ON {table} EXECUTE FUNCTION fails()")
        sent = await writer.once()
        play.require(
            sent.error == "INTERNAL", f"the answer is {sent.error or sent.seq}, when {table} cannot be written"
        )
        await play.sql.execute(f"DROP TRIGGER fails ON {table}")
    after = await play.sql.fetchrow("SELECT seq, updated_at FROM books ORDER BY seq DESC LIMIT 1")
    play.require(before == after, f"something was left of it: {before} is {after}")
    play.require(not any("secret" in each for each in writer.broken), "the error was shown")
    await writer.once()
    await play.settle()


@row("R16", "200 mutations at once, with 10 connections", limit=90)
async def crowded(play: Play) -> None:
    await play.open(database_pool=10)
    count = 200
    writers = [play.writer(play.shelves[number % len(play.shelves)]) for number in range(count)]
    for writer in writers[: len(play.shelves)]:
        await writer.once()
    await play.gather()
    asked = play.now
    async with asyncio.timeout(60):
        sent = await asyncio.gather(*(writer.once() for writer in writers))
    play.show("all answered after", f"{play.now - asked:.2f} s")
    done = [each.answered_at - each.sent_at for each in sent if each.seq is not None and each.answered_at]
    refused = [each.answered_at - each.sent_at for each in sent if each.error and each.answered_at]
    play.show("done/refused", f"{len(done)}/{len(refused)}")
    play.target("p99 of those done", percentile(done, 0.99), 5.0)
    if refused:
        play.target("refused after, at most", max(refused), 2.5)
    await play.settle()
    play.require(set(play.refusals) <= {"UNAVAILABLE"}, f"refused otherwise than as UNAVAILABLE: {play.refusals}")
