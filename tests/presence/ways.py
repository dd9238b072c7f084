"""The same subscriptions told both ways, in one room of one program."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest

from server.graphql.operating import Operating
from tests.client import Client
from tests.live.following import Socket, socket_of
from tests.people import People
from tests.plan.drawing import Drawn
from tests.presence.people import tab

#: Seconds in which all are told of one change, on a machine that others use.
PATIENCE: Final = 60.0
#: What the operations are called that are told the ordinary way.
ALONE: Final = "Alone"
#: What no two are told alike.
_OWN: Final = re.compile(rb'^\{"id":"\d+",|"selfId":"pr_[^"]*"')


def told_both_ways(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each was told with others, of those that were not to be told alone."""
    shared = list[bool]()
    compiled = Operating._watched

    async def either(operating: Operating, *given: Any) -> Any:
        if operating.operation.name == ALONE:
            return None
        watched = await compiled(operating, *given)
        shared.append(watched is not None)
        return watched

    monkeypatch.setattr(Operating, "_watched", either)
    return shared


class Way:
    """All documents on one socket."""

    def __init__(self, socket: Socket, name: str, drawn: list[Drawn]) -> None:
        self._socket = socket
        self._name = name
        self._drawn = drawn
        self._early: dict[int, list[bytes]] = {number: [] for number in range(len(drawn))}

    async def subscribe(self, number: int, book_id: str) -> None:
        """Until its first answer has come."""
        each = self._drawn[number]
        text = each.text.replace("subscription Drawn", f"subscription {self._name}", 1)
        await self._socket.subscribe(str(number), text, **each.variables, book=book_id, tab=tab())
        await self._until(number, 1)

    async def hear(self, number: int, count: int) -> list[bytes]:
        """The next so many that this one is told, but for what no two are told alike."""
        await self._until(number, count)
        early = self._early[number]
        self._early[number] = early[count:]
        return early[:count]

    async def _until(self, number: int, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self._early[number]) < count:
                text = await self._socket.connection.recv(decode=False)
                assert b'"type":"next"' in text, text
                self._early[int(text.split(b'"')[3])].append(_OWN.sub(b"", text))


class Pairs:
    """Each document twice: told with others, and alone."""

    def __init__(self, ways: tuple[Way, Way], drawn: list[Drawn]) -> None:
        self._ways = ways
        self._drawn = drawn

    async def difference(self, count: int = 1) -> str | None:
        """In the next so many that each is told."""
        for number, drawn in enumerate(self._drawn):
            one, other = [await way.hear(number, count) for way in self._ways]
            if one != other:
                return f"{drawn}\n\nshared: {one}\n\nalone: {other}"
        return None


@asynccontextmanager
async def pairs(people: People, who: Client, drawn: list[Drawn]) -> AsyncIterator[Pairs]:
    """All of them are there, and have heard of each other."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(socket_of(who)) for _ in range(2)]
        ways = Way(sockets[0], "Drawn", drawn), Way(sockets[1], ALONE, drawn)
        for number in range(len(drawn)):
            for way in ways:
                await way.subscribe(number, people.book_id)
        for number in range(len(drawn)):
            for place, way in enumerate(ways):
                # Who is there, and each who came later.
                await way.hear(number, 2 * (len(drawn) - number) - place)
        yield Pairs(ways, drawn)
