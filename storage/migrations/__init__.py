"""The steps by which the database came to look as it does, and how they are taken."""

import asyncio
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from storage.database import Database

#: Two processes that start together take the steps one after the other.
_LOCK: Final = 0x6C65706F72656C6C
#: Seconds that a step waits for a lock, since whoever asks later waits behind it; shorter than Postgres' own
#: deadlock_timeout, so that it is the step that gives way and never who serves.
LOCK_TIMEOUT: Final = 0.5
#: Seconds until it tries again, or asks again whether another process is done.
PAUSE: Final = 1.0
#: How often it tries: for ten minutes at least, since autovacuum, which it must await, is not quick.
TRIES: Final = 600
#: SQLSTATE of a lock that did not come in time, and of a deadlock.
_GAVE_WAY: Final = ("55P03", "40P01")
HERE: Final = Path(__file__).parent


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The name of the last step that this program knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def migrate(database: Database) -> None:
    """Brings the database to the newest step, while it is in use; a second one waits and finds nothing to do.

    A step that was killed, or gave way to others, is taken again from its beginning and finds what it has done.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://",
        # A connection of its own for each try: a step takes its time, and so does who goes first.
        async_creator=lambda: database.connect(
            {"statement_timeout": "0", "lock_timeout": f"{LOCK_TIMEOUT * 1_000:.0f}ms"}, command_timeout=None
        ),
        poolclass=NullPool,
    )
    for tries_left in reversed(range(TRIES)):
        try:
            async with engine.connect() as connection:
                await _first(connection)
                await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _GAVE_WAY or not tries_left:
                raise
        await asyncio.sleep(PAUSE)


async def _first(connection: AsyncConnection) -> None:
    # Asked for again and again, for as long as the other takes: an index that is built CONCURRENTLY waits for every
    # statement that runs, and with one that waits for its builder that is a deadlock.
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
        await connection.rollback()
        await asyncio.sleep(PAUSE)
    await connection.commit()


async def reached(database: Database) -> str | None:
    """The step that the database is at; None when it has taken none."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
