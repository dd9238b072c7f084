"""Followers of one book side by side, and what they cost the database."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection

from server.app import App
from tests import client as asks
from tests.canvas import uuid
from tests.client import PATIENCE, Client, Events, apply, changed, placed
from tests.operation.test_statements import statements
from tests.sockets import opened

#: Of every kind of event something; of a book what its members alone may see.
PLAIN = """
subscription Plain($id: ID!, $after: Int, $epoch: String) {
  bookEvents(bookId: $id, after: $after, epoch: $epoch) {
    __typename seq
    ... on CanvasChanged { elements { id } }
    ... on MembersChanged { members { role user { id } } removedUserIds }
    ... on BookChanged { book { title } }
    ... on Resync { epoch }
  }
}
"""
#: A person, what they ask, and the variables besides the book's id.
Asked = tuple[Client, str, dict[str, Any]]
#: Does something, and says the seq of that.
Edit = Callable[[], Awaitable[int]]


@asynccontextmanager
async def side_by_side(book_id: str, asked: Sequence[Asked]) -> AsyncIterator[list[Events]]:
    """All of them follow the book, each on a socket of their own, and are where it is now."""
    head = (await asked[0][0].ask(asks.BOOK, id=book_id)).it["seq"]
    async with AsyncExitStack() as stack:
        followers = []
        for client, document, variables in asked:
            given = {"after": head - 1, **variables}
            followers.append(await stack.enter_async_context(client.follow(document, id=book_id, **given)))
        for follower in followers:
            await follower.until(lambda event: event["seq"] == head)
        yield followers


@dataclass
class Cost:
    """Of journals read, and of events told, in statements."""

    sent: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        return sum("LATERAL" in each and "row_to_json(events)" in each for each in self.sent)

    @property
    def told(self) -> int:
        return sum("NULL::events" in each for each in self.sent)


@contextmanager
def cost(app: App) -> Iterator[Cost]:
    with statements(app) as sent:
        yield Cost(sent)


@dataclass
class Socket:
    """One socket with any number of subscriptions, whose answers are kept as they came."""

    connection: ClientConnection

    async def subscribe(self, name: str, document: str, **variables: Any) -> None:
        payload = {"query": document, "variables": variables}
        await self.connection.send(json.dumps({"id": name, "type": "subscribe", "payload": payload}))

    async def complete(self, name: str) -> None:
        await self.connection.send(json.dumps({"id": name, "type": "complete"}))

    async def hear(self, patience: float = PATIENCE) -> dict[str, Any]:
        """The next message, whatever it is."""
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.connection.recv(), patience))
        return message

    async def events(self, count: int) -> list[tuple[str, Any]]:
        """So many events, each with the id of its subscription."""
        heard = []
        for _ in range(count):
            message = await self.hear()
            assert message["type"] == "next", message
            heard.append((message["id"], next(iter(message["payload"]["data"].values()))))
        return heard


@asynccontextmanager
async def socket_of(client: Client) -> AsyncIterator[Socket]:
    async with opened(client) as connection:
        yield Socket(connection)


def seqs(events: Sequence[Any]) -> list[int]:
    return [event["seq"] for event in events]


async def told_for(app: App, book_id: str, asked: list[Asked], edit: Edit) -> tuple[list[Any], int]:
    """What each of them is told of one change, and by how many statements that was found; by one read."""
    async with side_by_side(book_id, asked) as followers:
        with cost(app) as spent:
            seq = await edit()
            events = [await follower.next() for follower in followers]
    assert {event["seq"] for event in events} == {seq}
    assert spent.read == 1
    return events, spent.told


def titled(owner: Client, book_id: str, **fields: Any) -> Edit:
    return lambda: changed(owner, book_id, **(fields or {"title": uuid()}))


def painted(owner: Client, book_id: str) -> Edit:
    async def paint() -> int:
        text = {"createText": {"placement": placed(), "content": "Hello"}}
        return int((await apply(owner, book_id, uuid(), text)).it["seq"])

    return paint
