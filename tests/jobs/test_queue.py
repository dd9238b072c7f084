"""Who holds a job, and who may end it."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from storage.jobs import Held, Job, Lapsed, LeaseLost, Queue
from storage.jobs.queue import DEAD_FOR, DONE_FOR
from tests.jobs.conftest import Put, states

NAMES = ["test.note"]


async def taken(queue: Queue, most: int = 1) -> list[Held]:
    return await queue.claim(NAMES, most)


async def lapse(sql: asyncpg.Connection) -> None:
    """Lets all leases be over."""
    await sql.execute("UPDATE jobs SET leased_until = now() - interval '1 second' WHERE state = 'RUNNING'")


async def test_a_lower_number_comes_first_then_the_moment_then_the_order_of_asking(put: Put, queue: Queue) -> None:
    early = datetime.now(UTC) - timedelta(hours=1)
    jobs = [(50, None), (10, None), (50, early), (99, None), (50, None), (10, early)]
    await put(*(Job("test.note", {"n": n}, priority=p, not_before=at) for n, (p, at) in enumerate(jobs)))
    assert [job.payload for job in await taken(queue, 4)] == [f'{{"n":{n}}}' for n in (5, 1, 2, 0)]
    assert [job.payload for job in await taken(queue, 4)] == [f'{{"n":{n}}}' for n in (4, 3)]


async def test_what_is_not_due_and_what_nobody_knows_stays_where_it_is(put: Put, queue: Queue) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await put(Job("test.note", not_before=tomorrow), Job("of.tomorrows.program"))
    assert await taken(queue, 10) == []
    due, lapsed = await queue.next(NAMES)
    assert due == pytest.approx(86_400, abs=5) and lapsed is None
    assert len(await queue.claim(NAMES, 10, upto=tomorrow)) == 1


async def test_many_who_take_at_once_take_each_job_once(put: Put, queue: Queue) -> None:
    await put(*(Job("test.note") for _ in range(200)))
    taken_ = await asyncio.gather(*(queue.claim(NAMES, 30) for _ in range(10)))
    ids = [job.id for jobs in taken_ for job in jobs]
    assert len(ids) == len(set(ids)) == 200


async def test_what_is_asked_for_while_the_same_runs_waits_for_its_turn(put: Put, queue: Queue) -> None:
    await put(Job("test.note", {"n": 1}, key="k"))
    [first] = await taken(queue)
    await put(Job("test.note", {"n": 2}, key="k"))
    await put(Job("test.note", {"n": 3}, key="k"))
    assert await taken(queue, 10) == []
    assert await queue.finish(first)
    [second] = await taken(queue, 10)
    assert (second.payload, second.tries) == ('{"n":3}', 1)


async def test_a_try_that_failed_gives_way_to_what_was_asked_for_meanwhile(
    put: Put, queue: Queue, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note", {"n": 1}, key="k"))
    [first] = await taken(queue)
    await put(Job("test.note", {"n": 2}, key="k"))
    assert await queue.retry(first, "no", 3_600)
    assert await states(sql) == ["DONE", "WAITING"]
    assert await taken(queue) == []
    assert await sql.fetchval("SELECT not_before > now() + interval '59 min' FROM jobs WHERE state = 'WAITING'")


async def test_a_lost_lease_is_put_back_once_and_its_holder_can_end_nothing(
    put: Put, queue: Queue, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note"))
    [lost] = await taken(queue)
    lapsed = Lapsed(id=lost.id, name=lost.name, tries=1, lease=lost.lease)
    assert await queue.lapsed(NAMES) == []
    assert not await queue.retry(lapsed, "not yet", 0)
    await lapse(sql)
    assert await queue.lapsed(NAMES) == [lapsed]
    assert sorted(await asyncio.gather(*(queue.retry(lapsed, "lost", 0) for _ in range(4)))) == [False] * 3 + [True]
    [held] = await taken(queue)
    assert (held.id, held.tries) == (lost.id, 2)
    # The first holder was only away: whatever it says now is too late.
    assert await queue.extend([lost]) == set()
    assert not await queue.finish(lost)
    assert not await queue.retry(lost, "no", 0)
    assert not await queue.die(lost, "no")
    assert not await queue.give_back(lost)
    with pytest.raises(LeaseLost):
        async with queue._database.session.begin() as session:
            await Queue.finish_in(session, lost)
    assert await states(sql) == ["RUNNING"]
    assert await queue.finish(held)
    assert not await queue.finish(held)


async def test_one_that_was_heard_of_in_the_last_moment_keeps_its_job(
    put: Put, queue: Queue, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note"))
    [held] = await taken(queue)
    await lapse(sql)
    [lapsed] = await queue.lapsed(NAMES)
    assert await queue.extend([held]) == {held.lease}
    assert not await queue.retry(lapsed, "lost", 0)
    assert not await queue.die(lapsed, "lost")
    assert await queue.finish(held)


async def test_what_is_given_back_was_not_tried(put: Put, queue: Queue) -> None:
    await put(Job("test.note"))
    [held] = await taken(queue)
    assert await queue.give_back(held)
    [again] = await taken(queue)
    assert (again.id, again.tries) == (held.id, 1)


async def test_a_dead_one_leaves_its_payload_in_the_same_transaction(
    put: Put, queue: Queue, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note", {"n": 1}, key="k"))
    [held] = await taken(queue)
    assert await queue.die(held, "no\0 more \ud800" + "!" * 10_000, ("test.bury", 7))
    [dead, bury] = await sql.fetch("SELECT state, name, payload, key, priority, error FROM jobs ORDER BY id")
    assert tuple(bury) == ("WAITING", "test.bury", '{"n":1}', "k", 7, None)
    assert dead["state"] == "DEAD" and dead["error"].startswith("no more ?!!!") and len(dead["error"]) < 2_001
    assert await taken(queue) == []


async def test_a_dead_one_can_be_tried_anew_unless_the_same_waits(
    put: Put, queue: Queue, sql: asyncpg.Connection
) -> None:
    await put(Job("test.note", key="k"))
    [held] = await taken(queue)
    assert not await queue.again(held.id)
    await queue.die(held, "no")
    await put(Job("test.note", key="k"))
    with pytest.raises(ValueError, match="waits already"):
        await queue.again(held.id)
    [other] = await taken(queue)
    await queue.finish(other)
    assert await queue.again(held.id)
    [again] = await taken(queue)
    assert (again.id, again.tries) == (held.id, 1)


async def test_what_ended_long_ago_is_deleted_and_the_dead_are_kept_longer(
    put: Put, queue: Queue, sql: asyncpg.Connection
) -> None:
    await put(*(Job("test.note") for _ in range(6)))
    jobs = await taken(queue, 5)
    for done in jobs[:2]:
        await queue.finish(done)
    for dead in jobs[2:4]:
        await queue.die(dead, "no")
    assert await queue.prune() == 0
    second = timedelta(seconds=1)
    for job, ago in zip(
        jobs, (DONE_FOR - second, DONE_FOR + second, DEAD_FOR - second, DEAD_FOR + second), strict=False
    ):
        await sql.execute("UPDATE jobs SET ended_at = now() - $2::interval WHERE id = $1", job.id, ago + second / 2)
    assert await queue.prune() == 2
    assert await states(sql) == ["DONE", "DEAD", "RUNNING", "WAITING"]
