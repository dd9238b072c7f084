"""A database of a test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from server.settings import Settings


def named(settings: Settings, database: str) -> str:
    """The address of another database on the same server."""
    return urlsplit(str(settings.database_url))._replace(path=f"/{database}").geturl()


@asynccontextmanager
async def made(base: Settings, options: str = "") -> AsyncIterator[Settings]:
    """The settings with a new database, which is gone afterwards; `options` is what CREATE DATABASE takes."""
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(base.database_url)
    try:
        await connection.execute(f"CREATE DATABASE {name} {options}")
        yield base.model_copy(update={"database_url": named(base, name)})
        try:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        except asyncpg.InsufficientPrivilegeError:
            # Autovacuum is in it: only a superuser may end that by force, but it goes when it is asked.
            await connection.execute(f"DROP DATABASE {name}")
    finally:
        await connection.close()
