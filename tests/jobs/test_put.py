"""What is owed is there once its transaction has held, once however often it was asked for."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from models import QueuedJob
from resolvers.context import Context, Parts
from storage.database import Database
from storage.jobs import KEY_LIMIT, PAYLOAD_LIMIT, Job, Queue
from tests.jobs.conftest import PATIENCE, Put, states

NAMES = ["test.note"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_job_is_there_once_its_work_has_held_and_not_before(
    parts: Parts, queue: Queue, sql: asyncpg.Connection
) -> None:
    async with Context(parts, None).work() as work:
        await work.owe(Job("test.note", {"number": 1}), Job("test.note", {"number": 2}))
        assert await states(sql) == []
        assert await queue.claim(NAMES, 10) == []
    assert await states(sql) == ["WAITING", "WAITING"]
    assert [job.payload for job in await queue.claim(NAMES, 10)] == ['{"number":1}', '{"number":2}']


async def test_a_work_that_does_not_hold_leaves_no_job(parts: Parts, sql: asyncpg.Connection) -> None:
    with pytest.raises(RuntimeError):
        async with Context(parts, None).work() as work:
            # First of all: SQLAlchemy must have begun the transaction by then.
            await work.owe(Job("test.note"))
            raise RuntimeError
    assert await states(sql) == []


async def test_the_same_job_waits_once_with_what_was_asked_last(put: Put, sql: asyncpg.Connection) -> None:
    later, earlier = NOW + timedelta(hours=2), NOW + timedelta(hours=1)
    await put(Job("test.note", {"number": 1}, key="k", priority=20, not_before=later))
    await put(Job("test.note", {"number": 2}, key="k", priority=60, not_before=earlier))
    await put(Job("test.note", {"number": 3}, key="k", priority=60, not_before=later))
    await put(Job("test.other", {"number": 4}, key="k"), Job("test.note", {"number": 5}))
    first, *others = await sql.fetch("SELECT payload, priority, not_before FROM jobs ORDER BY id")
    assert tuple(first) == ('{"number":3}', 20, earlier)
    assert [row["payload"] for row in others] == ['{"number":5}', '{"number":4}']


async def test_a_debounced_job_waits_for_the_last_who_asks(put: Put, sql: asyncpg.Connection) -> None:
    for hours in (1, 3, 2):
        await put(Job("test.note", key="k", not_before=NOW + timedelta(hours=hours), debounce=True))
    assert await sql.fetchval("SELECT not_before FROM jobs") == NOW + timedelta(hours=3)
    assert await states(sql) == ["WAITING"]


async def test_one_key_twice_in_one_work_is_one_job(put: Put, sql: asyncpg.Connection) -> None:
    await put(*(Job("test.note", {"number": number}, key="k") for number in range(3)))
    assert await sql.fetchval("SELECT payload FROM jobs") == '{"number":2}'
    assert await states(sql) == ["WAITING"]


async def test_what_is_asked_for_again_does_not_run_before_it_can_see_what_was_written(
    parts: Parts, queue: Queue, put: Put
) -> None:
    await put(Job("test.note", key="k"), Job("test.note", {"number": 2}))
    async with Context(parts, None).work() as work:
        await work.owe(Job("test.note", {"number": 1}, key="k"))
        # The other one can be had meanwhile.
        assert [job.payload for job in await queue.claim(NAMES, 10)] == ['{"number":2}']
    assert [job.payload for job in await queue.claim(NAMES, 10)] == ['{"number":1}']


async def test_two_who_ask_for_the_same_jobs_in_another_order_do_not_lock_each_other_out(database: Database) -> None:
    keys = [f"{number}" for number in range(200)]

    async def ask(order: list[str]) -> None:
        for _ in range(20):
            async with database.session.begin() as session:
                await Queue.put(session, [Job("test.note", key=key) for key in order])

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(ask(keys), ask(keys[::-1]), ask(keys))


async def test_what_people_wrote_goes_through_as_it_is(put: Put, queue: Queue) -> None:
    await put(Job("test.note", {"title": "a\0b ü 🐚 ' \\u0000"}))
    [job] = await queue.claim(NAMES, 1)
    assert job.payload == '{"title":"a\\u0000b ü 🐚 \' \\\\u0000"}'


@pytest.mark.parametrize(
    ("job", "why"),
    [
        (lambda: Job(""), "name"),
        (lambda: Job("n" * 65), "name"),
        (lambda: Job("n", key=""), "key"),
        (lambda: Job("n", key="k" * (KEY_LIMIT + 1)), "key"),
        (lambda: Job("n", key="a\0b"), "key"),
        (lambda: Job("n", priority=101), "priority"),
        (lambda: Job("n", priority=-1), "priority"),
        (lambda: Job("n", not_before=datetime(2026, 1, 1)), "offset"),
        (lambda: Job("n", {"long": "x" * PAYLOAD_LIMIT}).written(), "payload"),
    ],
)
def test_what_no_job_may_be_is_refused_where_it_is_made(job: "type[Job]", why: str) -> None:
    with pytest.raises(ValueError, match=why):
        job()  # type: ignore[call-arg]


async def test_the_rows_are_what_the_model_says(put: Put, database: Database) -> None:
    await put(Job("test.note", {"number": 1}, key="k"))
    async with database.session() as session:
        job = await session.get(QueuedJob, 1)
    assert job is not None
    assert (job.name, job.key, job.payload, job.state, job.tries) == ("test.note", "k", {"number": 1}, "WAITING", 0)
