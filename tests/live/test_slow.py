"""Who does not read holds up nobody, is closed in good time, and takes no more memory than one helping."""

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from resolvers.live.group import HELPING
from server import app as program
from server.settings import Settings
from server.websocket import Outlet
from tests import client as asks
from tests.client import Client
from tests.live.following import cost, seqs, side_by_side, socket_of
from tests.live.reading import EVENT, LARGE, SEND, World, read
from tests.people import made_book, somebody
from tests.proxy import Proxy
from tests.running import served
from tests.sockets import until


@pytest.fixture(params=[SEND, 60.0], ids=["strict", "patient"])
def seconds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    limit: float = request.param
    usual = program.limits_of
    monkeypatch.setattr(program, "limits_of", lambda settings: replace(usual(settings), send_seconds=limit))
    return limit


@pytest_asyncio.fixture
async def world(settings: Settings, seconds: float, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with (
        served(settings) as (app, url),
        httpx.AsyncClient(timeout=30) as http,
        Proxy("127.0.0.1", urlsplit(url).port or 0) as proxy,
    ):
        ada = await somebody(app, Client(http, url), "Ada")
        world = World(app, ada, await made_book(ada), proxy)
        monkeypatch.setattr(Outlet, "write", lambda outlet, parts: world.write(outlet, parts))
        await world.paint(1)
        yield world


@pytest.mark.parametrize("seconds", [SEND], indirect=True)
async def test_who_stalls_is_closed_and_sees_why_when_they_read_on(world: World, seconds: float) -> None:
    async with (
        side_by_side(world.book_id, [(world.ada, LARGE, {})]) as [quick],
        socket_of(world.far) as slow,
    ):
        await slow.subscribe("1", LARGE, id=world.book_id, after=0)
        assert seqs([event for _, event in await slow.events(1)]) == [1]
        world.proxy.hang()

        async def is_closed() -> bool:
            return len(world.app.endpoint.sockets) == 1

        async def is_left() -> bool:
            return world.is_left

        await world.paint(100)
        await until(is_closed, seconds + 1)
        await until(is_left, asks.PATIENCE)
        assert seqs(await quick.take(100)) == list(range(2, 102))
        world.proxy.resume()
        heard, code = await read(slow)
        assert (code, heard) == (1013, list(range(2, 2 + len(heard))))
        assert len(heard) < 100


@pytest.mark.parametrize("seconds", [SEND, 60.0], indirect=True, ids=["reads too slowly", "answers no ping"])
async def test_who_never_reads_again_leaves_no_connection(world: World, seconds: float) -> None:
    async with socket_of(world.far) as slow:
        await slow.subscribe("1", LARGE, id=world.book_id, after=0)
        await slow.events(1)
        world.proxy.hang()
        await world.paint(100)
        assert world.outlet
        protocol = world.outlet._protocol
        protocol.close_timeout = 0.1
        if seconds > SEND:
            protocol.ping_timeout = 0.1
            protocol.send_keepalive_ping()

        async def is_gone() -> bool:
            return protocol.disconnected

        await until(is_gone, asks.PATIENCE)


@pytest.mark.parametrize("seconds", [60.0], indirect=True)
async def test_who_comes_back_in_time_gets_everything_once_from_a_bounded_memory(world: World) -> None:
    async with (
        side_by_side(world.book_id, [(world.ada, LARGE, {})]) as [quick],
        socket_of(world.far) as slow,
    ):
        await slow.subscribe("1", LARGE, id=world.book_id, after=0)
        await slow.events(1)
        world.proxy.hang()
        await world.paint(100)
        assert seqs(await quick.take(100)) == list(range(2, 102))
        world.proxy.resume()
        # The last ten come from memory, the first from the journal.
        with cost(world.app) as spent:
            assert seqs([event for _, event in await slow.events(100)]) == list(range(2, 102))
        assert spent.read >= 1
        # It was behind, and what it was sent then did not fit through at once.
        assert world.liked < max(world.unsent) <= world.liked + HELPING + EVENT
