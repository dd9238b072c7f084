"""How a try of a job comes out."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import structlog
from sqlalchemy import text

from models.refusal import Unavailable
from resolvers.context import Parts
from resolvers.jobs import REGISTRY
from resolvers.jobs.kind import Backoff, Kind, Nothing
from resolvers.jobs.registry import Registry
from resolvers.jobs.run import Run
from server.worker import Worker
from storage.jobs import ERROR_LIMIT, Job, LeaseLost
from tests.jobs.conftest import Put, states
from tests.jobs.kinds import Doing, Numbered, nothing


async def test_a_job_is_done_and_says_so_in_one_line(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note", {"number": 7}, key="somebody@example.org"))
    with structlog.testing.capture_logs() as lines:
        assert await Worker(parts, doing.kinds()).drain() == 1
    assert doing.seen == [(7, 1)]
    [line] = lines
    assert (line["name"], line["id"], line["outcome"], line["tried"]) == ("test.note", 1, "done", 1)
    assert line["ms"] >= 0 and "example" not in str(line)
    assert await states(sql) == ["DONE"]


async def test_one_that_fails_is_tried_again_and_after_its_last_try_it_is_dead(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.fail", {"number": 7}), Job("test.note", {"number": 8}))
    assert await Worker(parts, doing.kinds()).drain() == 5
    # What it leaves comes before others, by its priority.
    assert sorted(doing.seen) == [(7, 1), (7, 1), (7, 2), (7, 3), (8, 1)]
    [dead, *others] = await sql.fetch("SELECT name, state, tries, error FROM jobs ORDER BY id")
    assert tuple(dead)[:3] == ("test.fail", "DEAD", 3)
    assert dead["error"].startswith("RuntimeError: not  today, number 7!!!") and len(dead["error"]) <= ERROR_LIMIT
    assert [tuple(row)[:2] for row in others] == [("test.note", "DONE"), ("test.bury", "DONE")]


async def test_each_try_waits_longer_than_the_one_before(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    worker = Worker(parts, doing.kinds(backoff=Backoff(first=10, factor=10, most=200), tries=5))
    await put(Job("test.fail"))
    for most in (10, 100, 200, 200):
        assert await worker.drain() == 1
        assert await worker.drain() == 0
        wait = await sql.fetchval("SELECT extract(epoch FROM not_before - now())::float8 FROM jobs")
        assert 0.6 * most < wait <= most
        await sql.execute("UPDATE jobs SET not_before = now()")


async def test_the_queue_can_be_asked_as_if_it_were_later(parts: Parts, put: Put, doing: Doing) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await put(Job("test.note", not_before=tomorrow))
    worker = Worker(parts, doing.kinds())
    assert await worker.drain() == 0
    assert await worker.drain(upto=tomorrow) == 1


async def test_one_that_gives_up_is_not_tried_again(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.give_up"))
    assert await Worker(parts, doing.kinds()).drain() == 1
    assert tuple(await sql.fetchrow("SELECT state, error FROM jobs")) == ("DEAD", "GaveUp: there is nobody there")


async def test_a_payload_of_another_kind_is_dead_at_once_and_is_not_quoted(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note", {"number": "secret"}))
    assert await Worker(parts, doing.kinds()).drain() == 1
    state, error = await sql.fetchrow("SELECT state, error FROM jobs")
    assert state == "DEAD" and "secret" not in error and doing.seen == []


async def test_one_that_takes_too_long_is_ended_and_tried_again(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    await put(Job("test.wait"))
    assert await Worker(parts, doing.kinds(timeout=0.01, tries=2)).drain() == 2
    assert tuple(await sql.fetchrow("SELECT state, error FROM jobs")) == (
        "DEAD",
        "TimeoutError: It took longer than 0.01 s.",
    )


async def test_a_refusal_is_told_by_its_code_and_tried_again(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    async def refuse(run: Run, asked: Numbered) -> None:
        if not run.is_last:
            raise Unavailable("The object store is away.")

    doing.act = refuse
    await put(Job("test.note"))
    assert await Worker(parts, doing.kinds()).drain() == 3
    assert doing.seen == [(0, 1), (0, 2), (0, 3)]
    assert await states(sql) == ["DONE"]


async def test_the_last_work_of_a_job_holds_together_with_its_end(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    async def finish(run: Run, asked: Numbered) -> None:
        if asked.number == 2:
            return
        async with run.finishing() as work:
            await work.session.execute(text("INSERT INTO effects VALUES (1)"))
            await work.owe(Job("test.note", {"number": 2}))
            if run.tried == 1:
                raise RuntimeError
            assert await states(sql) == ["RUNNING"]
        # It has ended by now, and nothing can be undone.
        assert await states(sql) == ["DONE", "WAITING"]
        raise RuntimeError

    doing.act = finish
    await sql.execute("CREATE TABLE effects (number int)")
    await put(Job("test.note", {"number": 1}))
    with structlog.testing.capture_logs() as lines:
        assert await Worker(parts, doing.kinds()).drain() == 3
    assert doing.seen == [(1, 1), (1, 2), (2, 1)]
    assert [line["outcome"] for line in lines] == ["retried", "done", "done"]
    assert await sql.fetchval("SELECT count(*) FROM effects") == 1
    assert await states(sql) == ["DONE", "DONE"]


async def test_the_effects_of_a_try_that_lost_its_job_do_not_hold(
    parts: Parts, put: Put, doing: Doing, sql: asyncpg.Connection
) -> None:
    caught: list[BaseException] = []

    async def lose(run: Run, asked: Numbered) -> None:
        # As if this worker had been frozen, and another had taken the job.
        await sql.execute("UPDATE jobs SET lease = gen_random_uuid()")
        try:
            async with run.finishing() as work:
                await work.session.execute(text("INSERT INTO effects VALUES (1)"))
        except LeaseLost as error:
            caught.append(error)
            raise

    doing.act = lose
    await sql.execute("CREATE TABLE effects (number int)")
    await put(Job("test.note"))
    with structlog.testing.capture_logs() as lines:
        await Worker(parts, doing.kinds()).drain()
    assert len(caught) == 1 and lines[-1]["outcome"] == "lost"
    assert await sql.fetchval("SELECT count(*) FROM effects") == 0
    assert await states(sql) == ["RUNNING"]


def test_kinds_that_cannot_be_are_refused() -> None:
    good = Kind("test.nothing", Nothing, nothing)
    for kinds, why in (
        ([good, good], "twice"),
        ([Kind("test.nothing", Nothing, nothing, dead="test.other")], "test.other"),
        ([Kind("test.nothing", Nothing, nothing, cron="61 * * * *")], "no schedule"),
    ):
        with pytest.raises(ValueError, match=why):
            Registry(kinds)
    assert "jobs.prune" in REGISTRY.names
