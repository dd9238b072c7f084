"""The same subscriptions on two programs, of which one tells them the ordinary way."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.client import Client
from tests.live.following import Socket, socket_of
from tests.plan.drawing import Drawn
from tests.plan.ways import exactly

#: Seconds in which all are told of one change, the ordinary way among them, on a machine that others use.
PATIENCE = 60.0
#: By person and document.
Place = tuple[str, int]


class Following:
    """All documents, followed by all people in one program."""

    def __init__(self, sockets: Mapping[str, Socket], drawn: Sequence[Drawn]) -> None:
        self._sockets = sockets
        self.live = {(name, number) for name in sockets for number in range(len(drawn))}
        self.told = 0

    async def hear(self, count: int = 1) -> dict[Place, list[Any]]:
        """Of each that is live the next so many, or its end."""
        heard: dict[Place, list[Any]] = defaultdict(list)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(self._hear(name, socket, count, heard) for name, socket in self._sockets.items()))
        return dict(heard)

    async def _hear(self, name: str, socket: Socket, count: int, heard: dict[Place, list[Any]]) -> None:
        waiting = {place for place in self.live if place[0] == name}
        while waiting:
            text = await socket.connection.recv(decode=False)
            message = json.loads(text)
            place = name, int(message["id"])
            heard[place].append(_told(message, text))
            if message["type"] != "next":
                self.live.discard(place)
            else:
                self.told += 1
            if message["type"] != "next" or len(heard[place]) == count:
                # One more than it should have had is found by the next, which is not the other's.
                waiting.discard(place)


def _told(message: dict[str, Any], text: bytes) -> Any:
    """What is comparable of it: of errors their code, path and message."""
    if message["type"] == "error":
        return [(error["extensions"]["code"], error["message"]) for error in message["payload"]]
    if message["type"] == "complete":
        return message["type"]
    payload = dict(dict(exactly(text))["payload"])
    if errors := message["payload"].get("errors"):
        payload["errors"] = [(error["extensions"]["code"], error.get("path"), error["message"]) for error in errors]
    return [*payload.items()]


@asynccontextmanager
async def following(people: Mapping[str, Client], book_id: str, drawn: Sequence[Drawn]) -> AsyncIterator[Following]:
    """All are told of it from its first event on."""
    async with AsyncExitStack() as stack:
        sockets = {name: await stack.enter_async_context(socket_of(client)) for name, client in people.items()}
        for socket in sockets.values():
            for number, each in enumerate(drawn):
                await socket.subscribe(str(number), each.text, **each.variables, book=book_id, after=0)
        yield Following(sockets, drawn)
