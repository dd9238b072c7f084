"""A queue in a database of the test's own, and a worker for it in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from resolvers.context import Parts
from resolvers.jobs.registry import Registry
from server.app import parts_of
from server.settings import Settings
from server.worker import Worker
from storage.database import Database
from storage.jobs import Job, Queue
from tests.jobs.kinds import Doing

#: Seconds for what must happen.
PATIENCE = 20.0

Running = Callable[..., AbstractAsyncContextManager[Worker]]
Put = Callable[..., Awaitable[None]]


@pytest_asyncio.fixture
async def parts(settings: Settings) -> AsyncIterator[Parts]:
    async with parts_of(settings) as parts:
        yield parts


@pytest.fixture
def database(parts: Parts) -> Database:
    return parts.database


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


@pytest.fixture
def doing() -> Doing:
    return Doing()


@pytest_asyncio.fixture
async def sql(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


@pytest.fixture
def put(sql: asyncpg.Connection) -> Put:
    async def put(*jobs: Job) -> None:
        await Queue.put(sql, jobs)

    return put


@pytest.fixture
def working(parts: Parts) -> Running:
    @asynccontextmanager
    async def working(registry: Registry, **options: Any) -> AsyncIterator[Worker]:
        worker = Worker(parts, registry, **options)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            async with asyncio.timeout(PATIENCE):
                await task

    return working


async def states(sql: asyncpg.Connection) -> list[str]:
    return [row["state"] for row in await sql.fetch("SELECT state FROM jobs ORDER BY id")]


async def until_state(sql: asyncpg.Connection, *wanted: str) -> None:
    """Waits until the jobs are in these states, in the order of their ids."""
    async with asyncio.timeout(PATIENCE):
        while await states(sql) != list(wanted):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
