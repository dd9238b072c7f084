"""A book to paint in, and what its tests ask of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import asyncpg

from tests import client as asks
from tests.client import Answer, Client, apply, placed

POINTS = [{"x": 0, "y": 0}, {"x": 5, "y": 5}]
#: The least that each kind needs.
CREATIONS: dict[str, dict[str, Any]] = {
    "createImage": {},
    "createText": {"content": "Hello"},
    "createRectangle": {},
    "createCircle": {},
    "createDrawing": {"points": POINTS},
}


def uuid() -> str:
    return str(uuid4())


def text(content: str = "Hello", **placement: Any) -> dict[str, Any]:
    return {"createText": {"placement": placed(**placement), "content": content}}


def update(id: str, **fields: Any) -> dict[str, Any]:
    return {"updateElement": {"id": id, **fields}}


def move(id: str, **where: Any) -> dict[str, Any]:
    return {"moveElement": {"id": id, **where}}


def delete(id: str) -> dict[str, Any]:
    return {"deleteElement": {"id": id}}


def statuses(answer: Answer) -> list[str]:
    return [result["status"] for result in answer.it["results"]]


@dataclass
class PaintedBook:
    """A book, its owner, and the database that it lies in."""

    owner: Client
    id: str
    page: str
    database: asyncpg.Connection

    @classmethod
    async def made(cls, owner: Client, database: asyncpg.Connection) -> Self:
        book = (await owner.ask(asks.CREATE_BOOK, input={"title": "Colours"})).it["book"]
        return cls(owner, book["id"], book["pages"][0]["id"], database)

    async def do(self, *operations: dict[str, Any], by: Client | None = None, batch: str | None = None) -> Answer:
        return await apply(by or self.owner, self.id, batch or uuid(), *operations)

    async def read(self, by: Client | None = None) -> dict[str, Any]:
        book: dict[str, Any] = (await (by or self.owner).ask(asks.BOOK, id=self.id)).it
        return book

    async def create(self, *operations: dict[str, Any]) -> list[str]:
        """Does them; the ids of the elements or pages that came of it."""
        results = (await self.do(*operations)).it["results"]
        return [(result["element"] or result["page"])["id"] for result in results]

    async def element(self, id: str) -> dict[str, Any]:
        [element] = [element for element in (await self.read())["elements"] if element["id"] == id]
        return dict(element)

    async def stack(self, page: str | None = None) -> list[str]:
        """The elements of a page, back to front."""
        elements = (await self.read())["elements"]
        return [element["id"] for element in elements if element["pageId"] == (page or self.page)]

    async def pages(self) -> list[str]:
        return [page["id"] for page in (await self.read())["pages"]]

    async def joined(self, name: str, role: str) -> Client:
        """Somebody new, who belongs to the book."""
        member = await Client(self.owner.http, self.owner.url).sign_up(name)
        # As if they had opened the link in their mail.
        await self.database.execute("UPDATE users SET email_verified_at = now() WHERE email = $1", member.email)
        await self.owner.ask(asks.INVITE, input={"bookId": self.id, "email": member.email, "role": role})
        [invitation] = (await member.ask(asks.INVITATIONS)).it["invitations"]
        assert (await member.ask(asks.ACCEPT, id=invitation["id"])).it["book"] == {"id": self.id}
        return member

    async def photo(self, status: str = "READY") -> str:
        """An image of the book, by its row alone."""
        id = await self.database.fetchval(
            "INSERT INTO images (id, book_id, status, status_at, filename, content_type, size, sha256, created_at)"
            " VALUES (gen_random_uuid(), $1, $2, now(), 'a.jpg', 'image/jpeg', 1, $3, now()) RETURNING id",
            self.id.removeprefix("bk_"),
            status,
            (uuid() + uuid()).replace("-", ""),
        )
        return f"im_{id}"

    async def events(self, after: int = 0) -> list[dict[str, Any]]:
        """What a subscriber hears that has seen this seq, up to now."""
        head = (await self.read())["seq"]
        async with self.owner.follow(asks.EVENTS, bookId=self.id, after=after) as events:
            return await events.take(head - after)

    @asynccontextmanager
    async def unchanged(self) -> AsyncIterator[None]:
        """Nothing has changed after it, and nobody was told of anything."""
        before = await self.read()
        events = await self._journal()
        yield
        assert await self.read() == before
        assert await self._journal() == events

    async def _journal(self) -> int:
        return int(
            await self.database.fetchval("SELECT count(*) FROM events WHERE book_id = $1", self.id.removeprefix("bk_"))
        )


async def all_of(*asked: Any) -> list[Answer]:
    return list(await asyncio.gather(*asked))
