"""Honest small twins of what a hub is given: a selection that can be held up, and a socket that can be busy."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from models.columns import now
from resolvers.answer import Fetch
from resolvers.context import Context, Viewer
from resolvers.live import Depends, Unshared
from server.app import App
from tests.client import PATIENCE, Client
from tests.people import uuid_of


def context_of(app: App, client: Client) -> Context:
    user, session = UUID(uuid_of(client.user_id)), UUID(int=0)
    return Context(app.parts, Viewer(user, session, now() + timedelta(days=1)))


@dataclass
class Numbers:
    """Asks for the kind, the seq and the actor's name, as they are when it is told; `resolvers.live.Projection`."""

    key: Hashable = "numbers"
    dependence: Depends = Depends.NOTHING
    is_personal: bool = False
    #: Called before each answer; may raise, or give something to wait for.
    before: Callable[[], Any] = lambda: None
    #: What is added to each answer, in bytes.
    weight: int = 0
    #: The events of each statement.
    asked: list[list[int]] = field(default_factory=list)

    def check(self, context: Context) -> None:
        pass

    def depends(self, kind: str) -> Depends:
        return self.dependence

    async def tell(self, fetch: Fetch, kind: str, rows: bytes, context: Context) -> list[bytes]:
        events = orjson.loads(rows)
        self.asked.append([event["seq"] for event in events])
        if (waiting := self.before()) is not None:
            await waiting
        told = []
        for event in events:
            names = await fetch("SELECT name FROM users WHERE id = $1", [event["actor_id"]])
            epoch = event["payload"].get("epoch")
            name = names[0][0] if names else None
            told.append(
                orjson.dumps(
                    {"kind": kind, "seq": event["seq"], "actor": name, "epoch": epoch, "weight": "x" * self.weight}
                )
            )
        return told


def refuse() -> None:
    raise Unshared


@dataclass
class Paper:
    """Keeps what is sent; `resolvers.live.Sink`."""

    sent: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    #: The bytes of each sending.
    sizes: list[int] = field(default_factory=list)
    #: Set when it takes more.
    is_free: asyncio.Event = field(default_factory=asyncio.Event)
    #: Whether it is busy from the first sending on.
    is_slow: bool = False

    def __post_init__(self) -> None:
        self.is_free.set()

    @property
    def is_busy(self) -> bool:
        return not self.is_free.is_set()

    def send(self, payloads: Sequence[bytes]) -> None:
        assert not self.is_busy
        self.sizes.append(sum(map(len, payloads)))
        for payload in payloads:
            self.sent.put_nowait(orjson.loads(payload))
        if self.is_slow:
            self.is_free.clear()

    async def ready(self) -> None:
        await self.is_free.wait()

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self.sent.get()

    async def seqs(self, count: int) -> list[int]:
        return [(await self.next())["seq"] for _ in range(count)]


class Gates:
    """Holds up each of those who come, until they are let go one by one."""

    def __init__(self) -> None:
        self._held: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def wait(self) -> None:
        gate = asyncio.Event()
        self._held.put_nowait(gate)
        await gate.wait()

    async def held(self) -> asyncio.Event:
        """The next who has come."""
        async with asyncio.timeout(PATIENCE):
            return await self._held.get()

    async def open(self) -> None:
        """Lets all go, also those who are still to come."""
        while True:
            (await self._held.get()).set()

    @property
    def is_empty(self) -> bool:
        return self._held.empty()
