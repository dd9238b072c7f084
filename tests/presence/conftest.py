"""Two whole programs in the test's own loop, so that their limits can be shortened; and people in one book."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from resolvers.presence import house, room, tending
from server.app import App
from server.graphql.operating import Operating
from server.settings import Settings
from storage.presence import store
from tests.client import Client
from tests.people import People
from tests.presence.people import Two
from tests.proxy import Proxy
from tests.running import served


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has gone is gone soon."""
    for module in (house, room):
        monkeypatch.setattr(module, "GRACE", 0.5)
    monkeypatch.setattr(tending, "SWEEP", 0.1)


@pytest.fixture(params=["together", "alone"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How they are told: with all who ask alike, or the ordinary way."""

    async def ordinary(*_: Any) -> None:
        return None

    if request.param == "alone":
        monkeypatch.setattr(Operating, "_watched", ordinary)
    return str(request.param)


@pytest.fixture
def hasty(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not renewed is gone soon too. For programs that begin with it: those that run may be asleep."""
    monkeypatch.setattr(tending, "HEARTBEAT", 0.4)
    monkeypatch.setattr(store, "LEASE", 2_000)


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def two(settings: Settings, hasty: None) -> AsyncIterator[Two]:
    """The first reaches Redis through a proxy."""
    redis = urlsplit(str(settings.redis_url))
    async with Proxy(redis.hostname or "", redis.port or 0) as proxy, httpx.AsyncClient(timeout=30) as http:
        through = redis._replace(netloc=f"{redis.netloc.removesuffix(str(redis.port))}{proxy.port}").geturl()
        async with (
            served(settings.model_copy(update={"redis_url": through})) as (app, url),
            served(settings) as (other, second),
        ):
            yield Two(await People.meet(app, Client(http, url)), app, other, second, proxy)
