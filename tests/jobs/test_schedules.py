"""Jobs that come by the clock: the database's, in UTC, once however many workers look."""

import asyncio
from datetime import datetime, timedelta, timezone

import asyncpg
import pytest

from resolvers.context import Parts
from resolvers.jobs import REGISTRY
from resolvers.jobs.kind import Kind
from resolvers.jobs.registry import Registry
from server.worker import Worker
from storage.database import Database
from storage.jobs import Due, Schedules, last_slot
from tests.jobs.conftest import states
from tests.jobs.kinds import Doing, Numbered

EVERY_MINUTE = Due("test.note", "* * * * *", '{"number":5}', 30)
BACK = "UPDATE job_schedules SET slot = slot - $1::interval"


@pytest.mark.parametrize(
    ("cron", "now", "slot"),
    [
        ("17 3 * * *", "2026-11-21T03:16:59.999999+00:00", "2026-11-20T03:17:00+00:00"),
        ("17 3 * * *", "2026-11-21T03:17:00+00:00", "2026-11-21T03:17:00+00:00"),
        ("17 3 * * *", "2026-11-21T03:17:59.999999+00:00", "2026-11-21T03:17:00+00:00"),
        # In UTC, wherever whoever asks may be, and where clocks are turned back.
        ("0 1 * * *", "2026-10-25T02:30:00+02:00", "2026-10-24T01:00:00+00:00"),
        ("0 1 * * *", "2026-10-25T02:30:00+01:00", "2026-10-25T01:00:00+00:00"),
        ("0 0 29 2 *", "2026-11-21T00:00:00+00:00", "2024-02-29T00:00:00+00:00"),
    ],
)
def test_the_last_moment_of_a_schedule(cron: str, now: str, slot: str) -> None:
    assert last_slot(cron, datetime.fromisoformat(now)) == datetime.fromisoformat(slot)


def test_a_moment_is_in_utc() -> None:
    east = datetime(2026, 11, 21, 8, 0, tzinfo=timezone(timedelta(hours=9)))
    assert last_slot("30 22 * * *", east).isoformat() == "2026-11-20T22:30:00+00:00"


async def test_a_new_schedule_waits_for_its_moment_and_one_that_was_missed_comes_once(
    database: Database, sql: asyncpg.Connection
) -> None:
    assert await Schedules(database, [EVERY_MINUTE]).fire() == []
    assert await states(sql) == []
    await sql.execute(BACK, timedelta(hours=3))
    many = [Schedules(database, [EVERY_MINUTE]) for _ in range(4)]
    fired = await asyncio.gather(*(each.fire() for each in many))
    assert [name for names in fired for name in names] == ["test.note"]
    assert tuple(await sql.fetchrow("SELECT name, payload, priority FROM jobs")) == ("test.note", '{"number":5}', 30)


async def test_one_whose_last_job_still_waits_does_not_pile_up(database: Database, sql: asyncpg.Connection) -> None:
    for _ in range(3):
        await Schedules(database, [EVERY_MINUTE]).fire()
        await sql.execute(BACK, timedelta(hours=1))
    await Schedules(database, [EVERY_MINUTE]).fire()
    assert await states(sql) == ["WAITING"]


async def test_a_worker_puts_and_does_what_the_clock_asks_for(
    parts: Parts, doing: Doing, sql: asyncpg.Connection
) -> None:
    registry = Registry([Kind("test.note", Numbered, doing.note, cron="* * * * *")])
    await Worker(parts, registry).tend()
    await sql.execute(BACK, timedelta(hours=1))
    worker = Worker(parts, registry)
    await worker.tend()
    assert await worker.drain() == 1
    assert doing.seen == [(0, 1)]


async def test_the_queue_prunes_itself(parts: Parts, sql: asyncpg.Connection) -> None:
    assert "jobs.prune" in [due.name for due in REGISTRY.due]
    worker = Worker(parts, REGISTRY)
    await worker.tend()
    await sql.execute(
        "INSERT INTO jobs (name, payload, priority, state, debounce, not_before, put_at, tries, ended_at)"
        " SELECT 'old', '{}', 50, 'DONE', false, now(), now(), 1, now() - interval '2 days'"
        " FROM generate_series(1, 2500)"
    )
    await sql.execute(f"{BACK} WHERE name = 'jobs.prune'", timedelta(days=1))
    worker = Worker(parts, REGISTRY)
    await worker.tend()
    assert await worker.drain() == 1
    assert [row["name"] for row in await sql.fetch("SELECT name FROM jobs")] == ["jobs.prune"]
