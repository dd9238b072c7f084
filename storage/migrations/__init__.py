"""The steps by which the database came to look as it does, and how they are taken."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from storage.database import Database

#: Two processes that start together take the steps one after the other.
_LOCK: Final = 0x6C65706F72656C6C
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
    """Brings the database to the newest step, in one transaction; a second one waits and finds nothing to do."""

    def upgrade(connection: Connection) -> None:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(_config(connection), "head")

    # On a connection of its own: a step takes its time, and so does who goes first.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: database.connect(command_timeout=None),
        poolclass=NullPool,
    )
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)


async def reached(database: Database) -> str | None:
    """The step that the database is at; None when it has taken none."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
