"""One sweep at a time, whoever else begins one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from storage.database import Database

_LOCK: Final = 0x6C65706F73776570


@asynccontextmanager
async def alone(database: Database) -> AsyncIterator[bool]:
    """Whether nobody else is in such a block; then nobody is until this one ends, or the connection does."""
    connection = await database.connect()
    try:
        # A transaction stays with its connection, also behind a pooler; one that has read nothing keeps no row alive.
        async with connection.transaction():
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK)
    finally:
        await connection.close()
