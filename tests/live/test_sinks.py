"""Straight to the transport, or through ASGI: the same reaches the client."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from websockets.frames import Frame, Opcode

from server.app import App
from server.graphql import socket as sockets
from server.graphql.sinks import AsgiSink
from server.graphql.socket import Socket
from server.settings import Settings
from server.websocket import text_header
from tests import client as asks
from tests.client import Client, apply, changed, joined, placed
from tests.live.following import PLAIN, Asked, cost, seqs, side_by_side, socket_of
from tests.live.twins import Gates
from tests.people import made_book, somebody
from tests.running import served

#: As short as an answer can be that holds a text.
SHORT = "subscription($id: ID!) { b: bookEvents(bookId: $id) { ... on CanvasChanged { e: elements { ...T } } } } "
SHORT += "fragment T on TextElement { c: content }"


@pytest.fixture(params=["direct", "asgi"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name == "asgi":
        monkeypatch.setattr(sockets, "outlet_of", lambda scope: None)
    return name


@pytest_asyncio.fixture
async def here(settings: Settings, way: str) -> AsyncIterator[tuple[App, Client, str]]:
    async with served(settings) as (app, url), httpx.AsyncClient(timeout=30) as http:
        ada = await somebody(app, Client(http, url), "Ada")
        book_id = await made_book(ada)
        await changed(ada, book_id, title="first")
        yield app, ada, book_id


def texts(*lengths: int) -> list[dict[str, Any]]:
    return [{"createText": {"placement": placed(), "content": "z" * length}} for length in lengths]


@pytest.mark.parametrize("length", [125, 126, 65_535, 65_536])
async def test_frames_of_every_length_are_read(here: tuple[App, Client, str], length: int) -> None:
    _, ada, book_id = here
    async with socket_of(ada) as socket:
        await socket.subscribe("1", SHORT, id=book_id)
        # Without a place, nothing says when it has begun.
        await socket.subscribe("2", PLAIN, id=book_id, after=0)
        assert (await socket.hear())["id"] == "2"
        await socket.complete("2")
        await apply(ada, book_id, "measure", *texts(1, 1, 1, 1))
        around = len(await socket.connection.recv()) - 4
        each, rest = divmod(length - around, 4)
        await apply(ada, book_id, "exact", *texts(each, each, each, each + rest))
        frame = await socket.connection.recv()
        assert isinstance(frame, str)
        assert (len(frame), frame.count("z")) == (length, length - around)


async def test_subscriptions_of_one_socket_and_what_else_is_said_on_it(here: tuple[App, Client, str]) -> None:
    app, ada, book_id = here
    async with socket_of(ada) as socket:
        for id in "abc":
            await socket.subscribe(id, PLAIN, id=book_id, after=0)
            assert seqs([event for _, event in await socket.events(1)]) == [1]
        heard: dict[str, list[int]] = {"a": [], "b": [], "c": []}
        pongs = 0
        with cost(app) as spent:
            for title in range(20):
                await changed(ada, book_id, title=f"{title}")
                await socket.connection.send('{"type":"ping"}')
            while pongs < 20 or sum(map(len, heard.values())) < 60:
                message = await socket.hear()
                if message["type"] == "pong":
                    pongs += 1
                else:
                    heard[message["id"]].append(message["payload"]["data"]["bookEvents"]["seq"])
        assert heard == {id: [*range(2, 22)] for id in "abc"}
        assert spent.told <= 20


async def test_the_end_comes_after_what_was_told(here: tuple[App, Client, str]) -> None:
    app, ada, book_id = here
    ben = await somebody(app, ada, "Ben")
    seq = await joined(ada, book_id, ben)
    asked: list[Asked] = [(ada, PLAIN, {"after": 0}), (ben, PLAIN, {"after": 0})]
    async with side_by_side(book_id, asked) as [adas, bens]:
        await changed(ada, book_id, title="seen")
        assert seqs([await bens.next()]) == seqs([await adas.next()]) == [seq + 1]
        await ada.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=ben.user_id)
        await changed(ada, book_id, title="secret")
        assert await bens.end() == "FORBIDDEN"
        assert seqs(await adas.take(2)) == [seq + 2, seq + 3]


def test_headers_are_those_of_the_library() -> None:
    for length in (0, 1, 125, 126, 65_535, 65_536, 10**6):
        frame = Frame(Opcode.TEXT, b"z" * length).serialize(mask=False)
        assert text_header(length) + b"z" * length == frame


class Wire:
    """A socket that takes a message at a time."""

    is_closing = False

    def __init__(self) -> None:
        self.gates = Gates()
        self.sent: list[Any] = []

    def run(self, answering: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(answering)

    async def send_text(self, text: str) -> None:
        await self.gates.wait()
        self.sent.append(json.loads(text)["payload"])


async def test_what_is_sent_through_asgi_keeps_its_order_and_ends_with_its_operation() -> None:
    wire = Wire()
    go_on = asyncio.Event()

    async def operate() -> AsgiSink:
        sink = AsgiSink(cast(Socket, wire), b'{"payload":')
        sink.send([b"1", b"2"])
        sink.send([b"3", b"4", b"5"])
        await go_on.wait()
        return sink

    operation = asyncio.create_task(operate())
    for _ in range(3):
        (await wire.gates.held()).set()
    last = await wire.gates.held()
    assert wire.sent == [1, 2, 3]
    go_on.set()
    sink = await operation
    assert sink.is_busy
    last.set()
    await sink.ready()
    assert (wire.sent, wire.gates.is_empty, sink.is_busy) == ([1, 2, 3, 4], True, False)
