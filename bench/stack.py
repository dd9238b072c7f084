"""A stack for the length of a benchmark, filled with what is asked for."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench import seed
from bench.servers import Place
from server.embedded import Stack
from storage.database import Database
from storage.migrations import migrate


@asynccontextmanager
async def seeded() -> AsyncIterator[tuple[Place, int]]:
    """A stack in a folder that goes with it, and the id of its Postgres."""
    with tempfile.TemporaryDirectory(prefix="leporello-bench-") as name:
        folder = Path(name)
        stack = Stack(folder / "stack", objects=False)
        async with stack as addresses:
            assert stack.postgres and addresses.database_url and addresses.redis_url
            async with Database(addresses.database_url) as database:
                await migrate(database)
            await seed.fill(addresses.database_url)
            yield Place(addresses.database_url, addresses.redis_url, folder), stack.postgres.pid
