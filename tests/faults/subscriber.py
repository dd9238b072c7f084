"""A client that follows a book, as docs/live.md says: snapshot, subscribe, fold, resume with (epoch, seq)."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from socket import SO_RCVBUF, SOL_SOCKET
from socket import socket as tcp
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

from tests.faults.documents import EVENTS, SNAPSHOT
from tests.faults.figures import Delays
from tests.faults.fold import fold, snapshot
from tests.faults.ledger import Ledger, Sight, Stretch
from tests.faults.writer import Balancer

#: Seconds before a client connects anew, at most; and what a handshake may take.
AGAIN: Final = 0.1
HANDSHAKE: Final = 5.0
#: Nobody who was closed with one of these comes again (docs/live.md).
FINAL: Final = frozenset({4401, 4403, 4429})

_AWAY = (OSError, TimeoutError, InvalidHandshake, InvalidMessage, aiohttp.ClientError, EOFError)


class _Again(Exception):
    """The book, or the process, could not be reached; it may be a little later."""


@dataclass(eq=False)
class Subscriber:
    http: aiohttp.ClientSession
    balancer: Balancer
    ledger: Ledger
    sight: Sight
    token: str
    random: Random
    #: From the sending of a mutation until it is seen here.
    screens: Delays
    own: Delays = field(default_factory=Delays)
    #: Seconds between reading the book and subscribing to it.
    dawdles: float = 0
    #: Close codes of its sockets, and what became of its subscriptions.
    closes: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    connected: int = 0
    #: Set while it hears; and with the code once it has ended for good.
    live: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    #: The socket that is open, for a row that has it read slowly.
    socket: ClientConnection | None = None
    #: Bytes that the system keeps for it unread; what it likes unless said.
    receive_buffer: int | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def at(self) -> int:
        return self.sight.stretches[-1].last if self.sight.stretches else -1

    async def follow(self) -> None:
        """For as long as it is let, over as many sockets as it takes."""
        while not self.ended.is_set():
            try:
                if not self.sight.stretches:
                    await self.read()
                    await asyncio.sleep(self.dawdles)
                await self._connection()
            except (*_AWAY, _Again):
                pass
            finally:
                self.live.clear()
                self.socket = None
            await asyncio.sleep(self.random.uniform(AGAIN / 2, AGAIN))

    async def reaches(self, seq: int) -> None:
        while self.at < seq:
            self._moved.clear()
            await self._moved.wait()

    async def read(self) -> None:
        """A snapshot: what it folds into from now on."""
        body = orjson.dumps({"query": SNAPSHOT, "variables": {"id": self.sight.book}})
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        async with self.http.post(f"{self.balancer.pick()}/graphql", data=body, headers=headers) as response:
            answer = orjson.loads(await response.read())
        book = (answer.get("data") or {}).get("book")
        if not book:
            raise _Again
        self.sight.state = snapshot(book)
        self.sight.stretches.append(Stretch(book["seq"], book["epoch"]))
        self._moved.set()

    async def _connection(self) -> None:
        url = self.balancer.pick()
        options: dict[str, Any] = {"open_timeout": HANDSHAKE, "close_timeout": 1, "compression": None, "max_size": None}
        options["ping_interval"] = None  # It is for the server to find out who is gone.
        if self.receive_buffer:
            options["sock"] = await _narrow(url, self.receive_buffer)
        address = url.replace("http://", "ws://") + "/graphql"
        async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], **options) as socket:
            try:
                await self._conversation(socket)
            except ConnectionClosed:
                code = socket.close_code or 1006
                self.closes[code] += 1
                if code in FINAL:
                    self.ended.set()

    async def _conversation(self, socket: ClientConnection) -> None:
        await self._say(socket, {"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}})
        async with asyncio.timeout(HANDSHAKE):
            await socket.recv()
        stretch = self.sight.stretches[-1]
        variables = {"bookId": self.sight.book, "after": stretch.last, "epoch": stretch.epoch}
        await self._say(socket, {"id": "1", "type": "subscribe", "payload": {"query": EVENTS, "variables": variables}})
        self.socket = socket
        self.connected += 1
        self.live.set()
        while True:
            message = orjson.loads(await socket.recv(decode=False))
            if message["type"] == "ping":
                await self._say(socket, {"type": "pong"})
            elif message["type"] == "next":
                await self._take(message["payload"])
            elif message["type"] == "error":
                await self._refused(message["payload"][0]["extensions"]["code"])
                return
            else:
                raise _Again  # complete: the server has nothing more to say here

    async def _take(self, payload: dict[str, Any]) -> None:
        if payload.get("errors"):
            await self._refused(payload["errors"][0]["extensions"]["code"])
            raise _Again
        event = payload["data"]["bookEvents"]
        if event["__typename"] == "Resync":
            self.sight.resyncs += 1
            await self._reread()
            return
        stretch = self.sight.stretches[-1]
        if not stretch.seen and event["seq"] <= stretch.after and len(self.sight.stretches) > 1:
            return  # it was in the snapshot that the Resync asked for
        stretch.seen.append(event["seq"])
        fold(self.sight.state, event)
        sent = self.ledger.sent.get(event["batchId"] or "")
        if sent:
            now = asyncio.get_running_loop().time()
            self.screens.add(sent.sent_at, now)
            self.own.add(sent.sent_at, now)
        self._moved.set()

    async def _reread(self) -> None:
        while True:
            try:
                await self.read()
                return
            except (*_AWAY, _Again):
                await asyncio.sleep(AGAIN)

    async def _refused(self, code: str) -> None:
        self.errors[code] += 1
        if code in ("FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"):
            self.ended.set()

    async def _say(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        await socket.send(orjson.dumps(message).decode())


async def _narrow(url: str, bytes_: int) -> tcp:
    """Connected, with so small a buffer that whoever sends soon notices that nobody reads."""
    at, way = urlsplit(url), tcp()
    # Before it connects: it is then that the window is agreed on.
    way.setsockopt(SOL_SOCKET, SO_RCVBUF, bytes_)
    way.setblocking(False)
    await asyncio.get_running_loop().sock_connect(way, (at.hostname, at.port))
    return way
