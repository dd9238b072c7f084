"""Where the rows take place: one stack for all, and for each row a database and processes of its own."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import asyncpg

from server.embedded import Stack
from server.embedded.postgres import NAME, Postgres
from server.embedded.valkey import Valkey
from server.preparation import objects_of
from server.settings import Settings
from storage.database import Database
from storage.migrations import migrate
from tests.databases import named
from tests.faults.instance import Instance
from tests.proxy import Proxy

SECRET = "only for the time of these faults: 0123456789"
_TEMPLATE = "faults_template"


def through(url: str, proxy: Proxy) -> str:
    """The same address by way of the proxy."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}").geturl()


def before(url: str) -> Proxy:
    """A proxy that is not open yet, before whoever is at that address."""
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    return Proxy(parts.hostname, parts.port)


@dataclass
class Door:
    """One process, and the proxies on its ways: None where the row breaks nothing there."""

    instance: Instance
    postgres: Proxy | None = None
    redis: Proxy | None = None
    front: Proxy | None = None

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.front.port}" if self.front else self.instance.url


@dataclass
class House:
    stack: Stack
    settings: Settings
    folder: Path
    rows: int = 0

    @classmethod
    @asynccontextmanager
    async def built(cls, folder: Path) -> AsyncIterator[Self]:
        """The stack and a migrated database to clone; enter it on the main thread's loop."""
        stack = Stack(folder / "stack")
        async with stack as addresses:
            settings = Settings(  # type: ignore[call-arg]
                _env_file=None,
                secret_key=SECRET,
                s3_bucket="faults",
                metrics=True,
                rate_factor=1e6,
                **asdict(addresses),
            )
            house = cls(stack, settings, folder)
            await house._do(f"CREATE DATABASE {_TEMPLATE} OWNER {NAME}")
            async with Database(named(settings, _TEMPLATE)) as database:
                await migrate(database)
            async with objects_of(settings) as objects:
                await objects.prepare(["*"])
            yield house

    @property
    def postgres(self) -> Postgres:
        assert self.stack.postgres
        return self.stack.postgres

    @property
    def valkey(self) -> Valkey:
        assert self.stack.valkey
        return self.stack.valkey

    @asynccontextmanager
    async def row(self) -> AsyncIterator["Rooms"]:
        """A database and processes that are gone afterwards, whatever has become of them."""
        self.rows += 1
        name = f"faults_{self.rows}"
        await self._do(f"CREATE DATABASE {name} OWNER {NAME} TEMPLATE {_TEMPLATE} STRATEGY WAL_LOG")
        settings = self.settings.model_copy(update={"database_url": named(self.settings, name)})
        folder = self.folder / f"row-{self.rows}"
        folder.mkdir(parents=True)
        try:
            async with AsyncExitStack() as stack:
                yield Rooms(settings, folder, stack)
        finally:
            await self._do(f"DROP DATABASE {name} WITH (FORCE)")

    async def _do(self, statement: str) -> None:
        # The superuser's, who may drop what autovacuum is in; and anew each time, since rows end Postgres.
        connection = await asyncpg.connect(self.postgres.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@dataclass
class Rooms:
    """One row's database, and the processes on it."""

    settings: Settings
    folder: Path
    stack: AsyncExitStack
    doors: list[Door] = field(default_factory=list)

    async def open(self, count: int, *, ways: frozenset[str] = frozenset(), **more: Any) -> None:
        """So many processes, with proxies on these `ways`; `more` are settings of theirs."""
        await asyncio.gather(*(self._door(ways, more) for _ in range(count)))

    async def _door(self, ways: frozenset[str], more: dict[str, Any]) -> None:
        given: dict[str, Any] = self.settings.model_dump(exclude_unset=True) | more
        door = Door(Instance({}, self.folder / f"process-{len(self.doors)}.log"))
        self.doors.append(door)
        for way, name in (("postgres", "database_url"), ("redis", "redis_url")):
            if way in ways:
                proxy = await self.stack.enter_async_context(before(given[name]))
                setattr(door, way, proxy)
                given[name] = through(given[name], proxy)
        if "front" in ways:
            door.front = await self.stack.enter_async_context(before(door.instance.url))
        environment = {name.upper(): str(value) for name, value in given.items() if value is not None}
        door.instance.environment = {**environment, "PATH": os.environ["PATH"]}
        self.stack.push_async_callback(door.instance.kill)
        await door.instance.start()
