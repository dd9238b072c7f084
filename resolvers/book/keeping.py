"""Books: made, changed, listed."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Book, Image, Page, Role, Visibility
from models.book import checked_description, checked_title
from models.columns import moment_of
from models.event import BookChanged
from models.id import inside
from models.image import checked_use
from models.order import FIRST
from models.refusal import Invalid
from resolvers import access
from resolvers.book.making import add, checked_client_id, once
from resolvers.connection import Keyset
from resolvers.context import Context
from resolvers.work import Work


async def create(
    context: Context,
    *,
    title: str,
    description: str | None,
    visibility: Visibility | None,
    client_id: str | None,
) -> Book:
    """A book with one infinite page, which the viewer owns. The same clientId again gives the first one."""
    viewer = context.viewer
    new = Book(
        title=checked_title(title, "input", "title"),
        description=checked_description(description, "input", "description"),
        visibility=visibility or Visibility.PRIVATE,
        created_by=viewer.user_id,
        client_id=checked_client_id(client_id, "input", "clientId"),
    )

    async def fill(work: Work) -> None:
        await add(work, new, viewer.user_id, context.parts.quotas, "input")
        work.session.add(Page(book_id=new.id, order_key=FIRST, created_at=work.now))

    return await once(context, new, fill, "input", "clientId")


async def update(context: Context, id: UUID | None, changes: dict[str, Any]) -> Book:
    """Changes the fields that are given. Visibility is for owners, the rest for editors too."""
    role = Role.OWNER if "visibility" in changes else Role.EDITOR
    checked = dict(changes)
    if "title" in changes:
        if changes["title"] is None:
            raise Invalid("A book has a title.", "input", "title")
        checked["title"] = checked_title(changes["title"], "input", "title")
    if "description" in changes:
        checked["description"] = checked_description(changes["description"], "input", "description")
    if "visibility" in changes and changes["visibility"] is None:
        raise Invalid("A book is private or public.", "input", "visibility")
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, id, role, "input", "id")
        if changes.get("cover_image_id") is not None:
            checked["cover_image_id"] = await _cover(work, seat.book, changes["cover_image_id"])
        changed = {name: value for name, value in checked.items() if getattr(seat.book, name) != value}
        for name, value in changed.items():
            setattr(seat.book, name, value)
        if changed:
            await work.announce(seat.book, BookChanged(book_id=seat.book.id))
            await work.tell_members(seat.book.id)
        await work.show({"bk": [seat.book.id]})
    return seat.book


def newest_change(book: Any) -> Keyset:
    """The order of somebody's books."""
    return Keyset((book.updated_at, book.id), (moment_of, UUID))


async def _cover(work: Work, book: Book, id: str) -> UUID | None:
    """The id of a photo that can stand for the book. Raises NotFound for any other."""
    image_id = inside("im", id)
    of_book = select(col(Image.status)).where(col(Image.id) == image_id, Image.is_of(book.id))
    checked_use(await work.session.scalar(of_book), "input", "coverImageId")
    return image_id
