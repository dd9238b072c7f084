"""What the tests share: a throwaway stack of real servers, and in it a database for each test."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from functools import partial

import asyncpg
import httpx
import pytest
import pytest_asyncio
import structlog
from argon2 import PasswordHasher

import server.app
from resolvers.password import Passwords
from server.app import App
from server.embedded import Addresses, Stack
from server.preparation import objects_of
from server.settings import Settings
from storage.database import Database
from storage.migrations import migrate
from storage.objects import Objects
from tests.canvas import PaintedBook
from tests.client import Client
from tests.databases import made, named
from tests.people import People, somebody
from tests.running import Processes, processes_of, served

TEMPLATE = "leporello_template"
CLONED = f"TEMPLATE {TEMPLATE} STRATEGY WAL_LOG"


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Argon2id as everywhere, with less of it: a thousand people sign up here. Its strength is in test_password.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server.app, "Passwords", partial(Passwords, PasswordHasher(1, 1_024, 1)))
        yield


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Whatever level a command of an earlier test has set for its own process, which was ours."""
    structlog.reset_defaults()


@pytest_asyncio.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Addresses]:
    """Where Postgres, Valkey and S3 are; started once a run, gone after it."""
    folder = tmp_path_factory.mktemp("stack")
    async with Stack(folder) as addresses:
        yield addresses
    # pytest keeps the folders of its last runs, and this one is large.
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session")
async def base(stack: Addresses) -> Settings:
    """The settings of every test, and what they need: a bucket, and a migrated database to clone."""
    # Whatever the machine's own `.env` says.
    settings = Settings(_env_file=None, secret_key="tests", s3_bucket="tests", rate_factor=1_000, **asdict(stack))  # type: ignore[call-arg]
    connection = await asyncpg.connect(stack.database_url)
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    database = Database(named(settings, TEMPLATE))
    await migrate(database)
    await database.close()
    async with objects_of(settings) as objects:
        await objects.prepare(["*"])
    return settings


@pytest_asyncio.fixture
async def settings(base: Settings) -> AsyncIterator[Settings]:
    """With a database of the test's own."""
    async with made(base, CLONED) as settings:
        yield settings


@pytest_asyncio.fixture
async def running(settings: Settings) -> AsyncIterator[tuple[App, str]]:
    """The program in the test's own loop, and its address."""
    async with served(settings) as both:
        yield both


@pytest.fixture
def app(running: tuple[App, str]) -> App:
    return running[0]


@pytest.fixture
def serving(running: tuple[App, str]) -> str:
    return running[1]


@pytest_asyncio.fixture
async def client(serving: str) -> AsyncIterator[Client]:
    """Nobody's client."""
    async with httpx.AsyncClient(timeout=30) as http:
        yield Client(http, serving)


@pytest_asyncio.fixture
async def processes(settings: Settings) -> AsyncIterator[Processes]:
    """Two processes of the program."""
    async with processes_of(settings, 2) as both:
        yield both


@pytest_asyncio.fixture
async def bucket(base: Settings) -> AsyncIterator[Objects]:
    async with objects_of(base) as objects:
        yield objects


@pytest_asyncio.fixture(scope="module")
async def town(base: Settings) -> AsyncIterator[tuple[App, Client]]:
    """One program for many people who have nothing to do with each other; and nobody's client of it."""
    async with (
        made(base, CLONED) as settings,
        served(settings) as (app, url),
        httpx.AsyncClient(timeout=30) as http,
    ):
        yield app, Client(http, url)


@pytest_asyncio.fixture
async def people(town: tuple[App, Client]) -> People:
    """A book, and everybody who may have to do with it."""
    return await People.meet(*town)


@pytest_asyncio.fixture
async def book(app: App, client: Client, settings: Settings) -> AsyncIterator[PaintedBook]:
    """Somebody's own book, with its one page."""
    database = await asyncpg.connect(settings.database_url)
    yield await PaintedBook.made(await somebody(app, client, "Ada"), database)
    await database.close()
