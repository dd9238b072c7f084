"""The images that one mutation is about: all of one book, and all of them the viewer's to change."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Image, Role
from models.id import inside
from models.image import FILES_LIMIT
from models.refusal import Forbidden, Invalid, NotFound
from resolvers import access
from resolvers.access import Seat
from resolvers.context import Context
from resolvers.work import Work


async def several(
    context: Context, image_ids: list[str], do: Callable[[Work, Seat, list[Image]], Awaitable[int]]
) -> tuple[list[Image], int]:
    """Does it with all of these or none; the images, in their order, and the seq that it came to.

    Raises Invalid for none, too many, or images of several books; NotFound, Forbidden for others' images, Gone for
    a book in the trash.
    """
    if not 1 <= len(image_ids) <= FILES_LIMIT:
        raise Invalid(f"1 to {FILES_LIMIT} images at once.", "ids")
    viewer_id = context.viewer.user_id
    ids = [inside("im", id) for id in image_ids]
    book_id = await _book_of(context, viewer_id, ids)
    # As everybody does who paints in it: what is remembered of the book is not true after this.
    async with context.parts.turns.of(book_id) as turn:
        async with context.work() as work:
            seat = await access.book(work, viewer_id, book_id, Role.CONTRIBUTOR, "ids")
            images = await locked(work, seat, ids)
            for place, image in enumerate(images):
                if not is_theirs(image, seat):
                    raise Forbidden("Somebody else uploaded this one.", "ids", place)
            seq = await do(work, seat, images)
            await work.show({"im": [image.id for image in images]})
        turn.memory = None
    return images, seq


async def locked(work: Work, seat: Seat, ids: Sequence[UUID | None]) -> list[Image]:
    """As they are now that the book is locked, each once. Raises NotFound for one that went for good meanwhile."""
    rows = await work.session.scalars(
        select(Image).where(col(Image.id).in_(ids), col(Image.book_id) == seat.book.id).with_for_update()
    )
    found = {image.id: image for image in rows}
    if not found.keys() >= {*ids}:
        raise NotFound
    return [found[id] for id in dict.fromkeys(ids) if id is not None]


def is_theirs(image: Image, seat: Seat) -> bool:
    """Whether the one in the seat may change it: editors any, contributors their own."""
    return seat.role.includes(Role.EDITOR) or image.uploader_id == seat.member.user_id


async def _book_of(context: Context, viewer_id: UUID, ids: Sequence[UUID | None]) -> UUID:
    """The one book of all of these. Raises NotFound, Invalid."""
    async with context.reading() as session:
        rows = await session.execute(
            select(col(Image.id), col(Image.book_id)).where(col(Image.id).in_(ids), access.image_is_kept(viewer_id))
        )
        found: dict[UUID | None, UUID] = {row.id: row.book_id for row in rows}
    books = [found.get(id) for id in ids]
    for place, book_id in enumerate(books):
        if book_id is None:
            raise NotFound("There is no such image.", "ids", place)
        if book_id != books[0]:
            raise Invalid("All of one book.", "ids", place)
    return found[ids[0]]
