"""What the tests ask about who is there."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import event

from server.app import App
from tests.client import Answer, Client, Events
from tests.people import People
from tests.proxy import Proxy

PRESENCE = """
subscription Presence($bookId: ID!, $clientId: String!) {
  presence(bookId: $bookId, clientId: $clientId) {
    __typename
    ... on PresenceSnapshot { selfId present { ...Here } }
    ... on PresenceUpdated { presence { ...Here } }
    ... on PresenceLeft { id }
  }
}
fragment Here on Presence {
  id user { who: id name } role pageId cursor { x y } selection
  frames { elementId x y width height scaleX scaleY angle }
}
"""
UPDATE = """
mutation Update($input: UpdatePresenceInput!) { updatePresence(input: $input) { ok userErrors { code path } } }
"""


def tab() -> str:
    return str(uuid4())


def element() -> str:
    return f"el_{uuid4()}"


@dataclass(frozen=True)
class Two:
    """Two processes, and people who are at the first unless they go to the second."""

    people: People
    app: App
    other: App
    second: str
    proxy: Proxy


@dataclass
class Here:
    """Somebody in a book."""

    client: Client
    book_id: str
    client_id: str
    events: Events
    first: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.first["selfId"])

    @property
    def present(self) -> set[str]:
        return {each["id"] for each in self.first["present"]}

    async def move(self, at: str | None = None, **fields: Any) -> Answer:
        return await moved(self.client.at(at) if at else self.client, self.book_id, self.client_id, **fields)

    async def sees(self, x: float) -> dict[str, Any]:
        """The next is that somebody points there."""
        told = await self.events.next()
        assert told["__typename"] == "PresenceUpdated", told
        assert told["presence"]["cursor"] == {"x": x, "y": 0.0}, told
        presence: dict[str, Any] = told["presence"]
        return presence

    async def sees_somebody(self) -> str:
        """The next is that somebody came."""
        told = await self.events.next()
        assert told["__typename"] == "PresenceUpdated", told
        return str(told["presence"]["id"])

    async def sees_leave(self, id: str) -> None:
        assert await self.events.next() == {"__typename": "PresenceLeft", "id": id}


async def moved(client: Client, book_id: str, client_id: str, **fields: Any) -> Answer:
    return await client.ask(UPDATE, input={"bookId": book_id, "clientId": client_id, **fields})


def at(x: float) -> dict[str, Any]:
    return {"cursor": {"x": x, "y": 0}}


@asynccontextmanager
async def here(
    client: Client, book_id: str, client_id: str | None = None, via: str | None = None
) -> AsyncIterator[Here]:
    client_id = client_id or tab()
    async with client.follow(PRESENCE, via=via, bookId=book_id, clientId=client_id) as events:
        first = await events.next()
        assert first["__typename"] == "PresenceSnapshot"
        yield Here(client, book_id, client_id, events, first)


@contextmanager
def statements(app: App) -> Iterator[list[str]]:
    """All SQL that the program sends meanwhile."""
    sent: list[str] = []
    database = app.parts.database

    @contextmanager
    def observed(statement: str) -> Iterator[None]:
        sent.append(statement)
        yield

    def heard(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    before = database.connections.observe
    event.listen(database.engine.sync_engine, "before_cursor_execute", heard)
    database.connections.observe = observed
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", heard)
        database.connections.observe = before
