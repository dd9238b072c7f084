"""What is seen of jobs from outside: the trace of a request goes on in them, and their depth and age are told."""

from collections.abc import Iterator

import asyncpg
import httpx
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resolvers.context import Context, Parts
from resolvers.jobs.run import Run
from server.observe import tracing
from server.observe.statements import instrument
from server.settings import Settings
from server.worker import Worker
from storage.jobs import Job
from tests.jobs.conftest import Put
from tests.jobs.kinds import Doing, Numbered
from tests.running import served

JOBS = "leporello_jobs_"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = tracing.configure(None, to=SimpleSpanProcessor(exporter))
    assert provider is not None
    yield exporter
    provider.shutdown()
    tracing.configure(None)


async def test_the_trace_of_a_request_goes_on_in_its_jobs_and_in_theirs(
    parts: Parts, doing: Doing, spans: InMemorySpanExporter
) -> None:
    async def owe(run: Run, asked: Numbered) -> None:
        if asked.number == 1:
            async with run.finishing() as work:
                await work.owe(Job("test.note", {"number": 2}))

    doing.act = owe
    instrument(parts.database.engine, parts.database.connections)
    request = tracing.begin("request")
    assert request is not None
    async with Context(parts, None).work() as work:
        await work.owe(Job("test.note", {"number": 1}))
    tracing.end(request, "mutation", "Owe", None)
    with tracing.job("test.between", None):
        pass
    assert await Worker(parts, doing.kinds()).drain() == 2
    told = spans.get_finished_spans()
    first, second = [span for span in told if span.name == "job test.note"]
    [between] = [span for span in told if span.name == "job test.between"]
    trace = request.get_span_context().trace_id
    assert {span.context.trace_id for span in (first, second)} == {trace} != {between.context.trace_id}
    assert first.parent is not None and first.parent.span_id == request.get_span_context().span_id
    assert second.parent is not None and second.parent.span_id == first.context.span_id
    # Its SQL is below it.
    parents = [span.parent.span_id for span in told if span.name == "sql" and span.parent is not None]
    assert first.context.span_id in parents


async def test_a_job_that_fails_says_so_in_its_span_and_not_with_what(
    parts: Parts, put: Put, doing: Doing, spans: InMemorySpanExporter
) -> None:
    await put(Job("test.give_up"))
    assert await Worker(parts, doing.kinds()).drain() == 1
    [span] = [span for span in spans.get_finished_spans() if span.name == "job test.give_up"]
    assert span.status.description == "GaveUp"


async def test_without_a_trace_a_job_has_none(parts: Parts, sql: asyncpg.Connection) -> None:
    async with Context(parts, None).work() as work:
        await work.owe(Job("test.note"))
    assert await sql.fetchval("SELECT traceparent FROM jobs") is None


async def test_the_metrics_tell_what_is_due_and_since_when(
    settings: Settings, put: Put, sql: asyncpg.Connection
) -> None:
    await put(*(Job("test.note") for _ in range(6)))
    await sql.execute("UPDATE jobs SET state = 'DEAD' WHERE id = 1")
    await sql.execute("UPDATE jobs SET state = 'RUNNING' WHERE id IN (2, 3)")
    await sql.execute("UPDATE jobs SET state = 'DONE', not_before = now() - interval '1 day' WHERE id = 4")
    await sql.execute("UPDATE jobs SET not_before = now() + interval '1 day' WHERE id = 5")
    await sql.execute("UPDATE jobs SET not_before = now() - interval '1 hour' WHERE id = 6")
    async with served(settings.model_copy(update={"metrics": True})) as (_, url), httpx.AsyncClient() as http:
        told = await _told(http, url)
        assert (told["waiting"], told["running"], told["dead"]) == ("1.0", "2.0", "1.0")
        assert 3_600 <= float(told["oldest_seconds"]) < 3_700


async def test_the_metrics_say_so_when_the_queue_cannot_be_seen(settings: Settings, sql: asyncpg.Connection) -> None:
    await sql.execute("ALTER TABLE jobs RENAME TO hidden")
    async with served(settings.model_copy(update={"metrics": True})) as (_, url), httpx.AsyncClient() as http:
        assert set((await _told(http, url)).values()) == {"NaN"}


async def _told(http: httpx.AsyncClient, url: str) -> dict[str, str]:
    text = (await http.get(f"{url}/metrics")).text
    lines = (line.split() for line in text.splitlines())
    return {name.removeprefix(JOBS): value for name, value, *more in lines if name.startswith(JOBS) and not more}
