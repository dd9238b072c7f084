"""What can happen to a book, one thing after the other, in an order that a seed decides."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import text

from models import Book, Image
from models.event import ImagesChanged
from server.app import App
from storage.channels import book_channel
from tests import client as asks
from tests.canvas import CREATIONS, delete, move, update, uuid
from tests.client import Client, apply, changed, joined, placed
from tests.live.twins import context_of
from tests.people import somebody, uuid_of


class Story:
    """Each of its steps is one event, or one Resync."""

    def __init__(self, app: App, owner: Client, viewer: Client, book_id: str, seed: int) -> None:
        self.app = app
        self.owner = owner
        self.viewer = viewer
        self.book_id = book_id
        self.chance = Random(seed)
        self._id = UUID(uuid_of(book_id))
        self._elements: list[str] = []
        self._images: list[str] = []

    @property
    def steps(self) -> list[Callable[[], Awaitable[Any]]]:
        """All kinds, in an order of its own; the first make what the others need."""
        steps = [self.retitle, self.paint, self.pages, self.role, self.guest, self.cover, self.stickers, self.epoch]
        self.chance.shuffle(steps)
        return [self.images, self.create, *steps, self.images, self.remove]

    async def _apply(self, *operations: dict[str, Any]) -> list[Any]:
        results: list[Any] = (await apply(self.owner, self.book_id, uuid(), *operations)).it["results"]
        return results

    async def create(self) -> None:
        kinds = {**CREATIONS, "createImage": {"imageId": self._images[0]}}
        results = await self._apply(*({verb: {"placement": placed(), **fields}} for verb, fields in kinds.items()))
        self._elements = [each["element"]["id"] for each in results]

    async def paint(self) -> None:
        one, other, *_, last = self.chance.sample(self._elements, 4)
        self._elements.remove(last)
        what = update(one, x=self.chance.random() * 1e3, locked=True), move(other, to="BACK"), delete(last)
        await self._apply(*what[: self.chance.randrange(2, 4)])

    async def pages(self) -> None:
        await self._apply({"createPage": {"name": '"\u2028\\'}}, {"createPage": {"background": "#ffffff"}})

    async def retitle(self) -> None:
        await changed(self.owner, self.book_id, title='\u00e9 \U0001f4d6 \\ "', description=None)

    async def cover(self) -> None:
        await changed(self.owner, self.book_id, coverImageId=self._images[0], title="with a cover")

    async def role(self) -> None:
        role = self.chance.choice(["EDITOR", "CONTRIBUTOR"])
        given = {"bookId": self.book_id, "userId": self.viewer.user_id, "role": role}
        assert (await self.owner.ask(asks.UPDATE_MEMBER, input=given)).it

    async def guest(self) -> None:
        await joined(self.owner, self.book_id, await somebody(self.app, self.owner, "Gus"))

    async def remove(self) -> None:
        """The viewer, who may still read the book if it is public."""
        assert (await self.owner.ask(asks.REMOVE_MEMBER, bookId=self.book_id, userId=self.viewer.user_id)).it["ok"]

    async def images(self) -> None:
        """As they come out of their check."""
        given: dict[str, Any] = {"book_id": self._id, "filename": 'a"b\\.jpg', "content_type": "image/jpeg", "size": 1}
        images = [
            Image(**given, status=status, sha256=uuid(), uploader_id=UUID(uuid_of(self.owner.user_id)))
            for status in ("READY", "FAILED")
        ]
        self._images = [f"im_{each.id}" for each in images]
        async with context_of(self.app, self.owner).work() as work:
            work.session.add_all(images)
            book = await work.session.get_one(Book, self._id, with_for_update=True)
            await work.announce(book, ImagesChanged(book_id=self._id, images=images))

    async def stickers(self) -> None:
        """A kind that a newer program tells."""
        await self._execute(
            "INSERT INTO events (book_id, seq, kind, payload, at) "
            "SELECT id, seq + 1, 'StickersChanged', '{}', updated_at FROM books WHERE id = :id",
            "UPDATE books SET seq = seq + 1 WHERE id = :id",
        )

    async def epoch(self) -> None:
        await self._execute("UPDATE books SET epoch = md5(epoch) WHERE id = :id")

    async def _execute(self, *statements: str) -> None:
        async with self.app.parts.database.session.begin() as session:
            for each in statements:
                await session.execute(text(each), {"id": self._id})
        self.app.parts.announcements.tell(book_channel(self._id), "something")
