"""The step that brings the queue, both ways."""

import asyncpg
from alembic import command
from sqlalchemy import Connection, text

from server.settings import Settings
from storage.database import Database
from storage.migrations import _config, migrate


async def test_the_queue_goes_and_comes_again(settings: Settings, sql: asyncpg.Connection) -> None:
    def back(connection: Connection) -> None:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        command.downgrade(_config(connection), "0002")

    there = "SELECT count(*) FROM pg_class WHERE relname ~ '^job(s|_)'"
    relations = await sql.fetchval(there)
    assert relations >= 9
    async with Database(str(settings.database_url)) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(back)
        assert await sql.fetchval(there) == 0
        await migrate(database)
    assert await sql.fetchval(there) == relations
