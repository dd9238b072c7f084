"""A house of its own for each test: a database, and a bucket that nobody else puts anything into."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest_asyncio

from server.app import App, parts_of
from server.preparation import objects_of
from server.settings import Settings
from storage.objects import Objects
from tests.client import Client
from tests.operations.house import House
from tests.people import People


@pytest_asyncio.fixture(scope="session")
async def own_bucket(base: Settings) -> str:
    """Made once, for that takes a second."""
    name = f"house-{uuid4().hex}"
    async with objects_of(base.model_copy(update={"s3_bucket": name})) as objects:
        await objects.prepare(["*"])
    return name


@pytest_asyncio.fixture
async def settings(settings: Settings, own_bucket: str) -> Settings:
    own = settings.model_copy(update={"s3_bucket": own_bucket})
    async with objects_of(own) as objects:
        await objects.delete([found.key async for found in objects.list("")])
    return own


@pytest_asyncio.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    sql = await asyncpg.connect(settings.database_url)
    async with parts_of(settings) as parts:
        yield await House.made(parts, sql)
    await sql.close()


@pytest_asyncio.fixture
async def people(app: App, client: Client) -> People:
    """Those of a program that has the bucket to itself."""
    return await People.meet(app, client)


@pytest_asyncio.fixture
async def objects(settings: Settings) -> AsyncIterator[Objects]:
    async with objects_of(settings) as objects:
        yield objects
