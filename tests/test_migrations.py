"""How the database comes to look as the program expects it."""

import asyncio
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from models import SQLModel
from server.settings import Settings
from storage import database as limits
from storage import migrations
from storage.database import Database
from storage.migrations import migrate, newest, reached
from tests.databases import made
from tests.running import ROOT, processes_of

LOCK = migrations._LOCK


@pytest_asyncio.fixture
async def empty(base: Settings) -> AsyncIterator[Settings]:
    """With a database in which there is nothing."""
    async with made(base) as settings:
        yield settings


@pytest_asyncio.fixture
async def database(empty: Settings) -> AsyncIterator[Database]:
    database = Database(str(empty.database_url))
    yield database
    await database.close()


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, SQLModel.metadata))


async def test_a_migrated_database_is_what_the_models_say(database: Database) -> None:
    assert await reached(database) is None
    await migrate(database)
    assert await reached(database) == newest()
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_two_that_migrate_at_once_take_the_steps_once_and_again_finds_nothing_to_do(
    database: Database, empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nor does one give way to the other.
    monkeypatch.setattr(migrations, "TRIES", 1)
    other = Database(str(empty.database_url))
    await asyncio.gather(migrate(database), migrate(other), migrate(database))
    await migrate(other)
    await other.close()
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_migration_waits_for_another_for_longer_than_a_statement_may_take(
    database: Database, empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the server's own limit; ours is half a second more.
    monkeypatch.setattr(limits, "STATEMENT_TIMEOUT", 0.0)
    connection = await asyncpg.connect(empty.database_url)
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    migrating = asyncio.create_task(migrate(database))
    done, _ = await asyncio.wait([migrating], timeout=1.5)
    assert not done
    await connection.close()
    await migrating
    assert await connection_free(empty) == newest()


async def connection_free(settings: Settings) -> str | None:
    connection = await asyncpg.connect(settings.database_url)
    step: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    await connection.close()
    return step


async def test_a_database_that_is_behind_is_one_line_and_serves_nothing(empty: Settings) -> None:
    async with processes_of(empty, 0) as none:
        serving = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "serve", "--port", "0"),
            cwd=ROOT,
            env=none.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(20):
            _, said = await serving.communicate()
    assert serving.returncode == 1
    assert said.decode().count("\n") == 1
    assert f"The database is at no step at all, and {newest()} is needed: run `leporello migrate`." in said.decode()
