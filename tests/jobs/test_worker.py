"""A worker that runs: it finds what is there, holds what it does, and leaves nothing behind when it stops."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from resolvers.jobs.kind import Kind
from resolvers.jobs.registry import Registry
from resolvers.jobs.run import Run
from storage.database import Database
from storage.jobs import Job, Queue, bell
from tests.jobs.conftest import PATIENCE, Put, Running, states, until_state
from tests.jobs.kinds import Doing, Numbered


async def test_a_worker_hears_of_a_job_without_looking(working: Running, put: Put, doing: Doing) -> None:
    async with working(doing.kinds(), poll=3_600.0) as worker:
        await asyncio.wait_for(worker.bell.is_up.wait(), PATIENCE)
        for _ in range(3):
            doing.begun.clear()
            await put(Job("test.note"))
            await asyncio.wait_for(doing.begun.wait(), PATIENCE)


async def test_a_job_that_is_due_later_is_done_then_without_looking_all_the_time(
    working: Running, put: Put, doing: Doing
) -> None:
    async with working(doing.kinds(), poll=3_600.0):
        at = datetime.now(UTC) + timedelta(seconds=0.5)
        await put(Job("test.note", not_before=at))
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
        assert datetime.now(UTC) >= at


async def test_what_was_held_by_somebody_who_then_gave_up_is_found_soon(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note", key="k"))
    transaction = sql.transaction()
    await transaction.start()
    await put(Job("test.note", {"number": 2}, key="k"))
    async with working(doing.kinds(), poll=3_600.0) as worker:
        await asyncio.wait_for(worker.bell.is_up.wait(), PATIENCE)
        assert doing.seen == []
        # Nothing rings when a transaction is rolled back.
        await transaction.rollback()
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
    assert doing.seen == [(0, 1)]


async def test_a_bell_that_was_cut_off_hears_again_and_misses_nothing(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell, "LOOK", 3_600.0)
    async with working(doing.kinds(), poll=3_600.0) as worker:
        await asyncio.wait_for(worker.bell.is_up.wait(), PATIENCE)
        # It is idle once this is done: whatever comes then is heard of, or not done.
        await put(Job("test.note"))
        await until_state(sql, "DONE")
        doing.begun.clear()
        cut = await sql.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        assert len(cut) == 1
        await put(Job("test.note"))
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)


async def test_no_more_run_at_once_than_may_and_the_others_follow(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(*(Job("test.wait", {"number": number}) for number in range(5)))
    async with working(doing.kinds(), at_once=2):
        await until_state(sql, "RUNNING", "RUNNING", "WAITING", "WAITING", "WAITING")
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
        doing.go.set()
        await until_state(sql, *["DONE"] * 5)
    assert sorted(doing.seen) == [(number, 1) for number in range(5)]


async def test_what_takes_long_leaves_a_place_to_the_others(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    hearing = asyncio.Event()

    async def hear(run: Run, asked: Numbered) -> None:
        hearing.set()

    long = [Kind(f"test.long{n}", Numbered, doing.wait, priority=10, takes_long=True) for n in range(2)]
    registry = Registry([*long, Kind("test.short", Numbered, hear)])
    await put(*(Job(f"test.long{number % 2}", {"number": number}, priority=10) for number in range(5)))
    async with working(registry, at_once=3, poll=3_600.0):
        # Of both kinds together, though there is a third place.
        await until_state(sql, *["RUNNING"] * 2, *["WAITING"] * 3)
        await put(Job("test.short"))
        await asyncio.wait_for(hearing.wait(), PATIENCE)
        await until_state(sql, *["RUNNING"] * 2, *["WAITING"] * 3, "DONE")
        # One that ends makes room for the next of them.
        doing.go.set()
        await until_state(sql, *["DONE"] * 6)


async def test_a_worker_of_one_place_does_what_takes_long_in_it(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.long"))
    async with working(Registry([Kind("test.long", Numbered, doing.note, takes_long=True)]), at_once=1):
        await until_state(sql, "DONE")


async def test_a_job_outlasts_its_lease_while_its_worker_is_heard_of(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.wait"))
    async with working(doing.kinds(), lease=0.6) as first, working(doing.kinds(), lease=0.6) as second:
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
        began = await sql.fetchval("SELECT began_at FROM jobs")
        async with asyncio.timeout(PATIENCE):
            while (await sql.fetchval("SELECT leased_until FROM jobs")) - began < timedelta(seconds=3):
                await first.tend()
                await second.tend()
                await asyncio.sleep(0.05)
        doing.go.set()
        await until_state(sql, "DONE")
    assert doing.seen == [(0, 1)]


async def test_what_a_dead_worker_held_is_done_when_its_lease_is_over_without_looking_all_the_time(
    working: Running, put: Put, doing: Doing, database: Database
) -> None:
    await put(Job("test.note"))
    assert len(await Queue(database, lease=1.0).claim(["test.note"], 1)) == 1
    async with working(doing.kinds(), poll=3_600.0):
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
    assert doing.seen == [(0, 2)]


async def test_a_job_that_somebody_else_has_by_now_is_left_alone(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    ended = asyncio.Event()

    async def wait(run: Run, asked: Numbered) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    doing.act = wait
    await put(Job("test.note"))
    async with working(doing.kinds(), lease=0.3):
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
        # Held by nobody that is heard of, for so long that it is not put back either.
        await sql.execute("UPDATE jobs SET lease = gen_random_uuid(), leased_until = now() + interval '1 hour'")
        await asyncio.wait_for(ended.wait(), PATIENCE)
    assert await states(sql) == ["RUNNING"]


async def test_a_worker_that_cannot_prolong_its_lease_stops_before_somebody_else_begins(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    ended = asyncio.Event()

    async def wait(run: Run, asked: Numbered) -> None:
        try:
            if run.tried == 1:
                await asyncio.Event().wait()
        finally:
            ended.set()

    doing.act = wait
    await put(Job("test.note"))
    async with working(doing.kinds(), lease=0.9):
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
        await sql.execute("ALTER TABLE jobs RENAME TO hidden")
        await asyncio.wait_for(ended.wait(), PATIENCE)
        await sql.execute("ALTER TABLE hidden RENAME TO jobs")
        await until_state(sql, "DONE")
    assert doing.seen == [(0, 1), (0, 2)]


async def test_told_to_stop_a_worker_ends_what_it_does_and_begins_nothing(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.wait"), Job("test.wait"))
    async with working(doing.kinds(), at_once=1) as worker:
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
        worker.stop()
        doing.go.set()
    assert await states(sql) == ["DONE", "WAITING"]


async def test_told_to_stop_a_worker_gives_back_what_does_not_end(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.wait"))
    async with working(doing.kinds(), grace=0.05):
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
    assert tuple(await sql.fetchrow("SELECT state, tries, error FROM jobs")) == ("WAITING", 0, None)


async def test_a_worker_goes_on_when_its_database_was_away(
    working: Running, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    async with working(doing.kinds()) as worker:
        await asyncio.wait_for(worker.bell.is_up.wait(), PATIENCE)
        await sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await put(Job("test.note"))
        await asyncio.wait_for(doing.begun.wait(), PATIENCE)
        await until_state(sql, "DONE")
