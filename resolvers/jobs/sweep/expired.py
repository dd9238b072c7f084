"""Images that were promised and never came: they go with their placements, and everybody is told."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlmodel import col

from models import Book, Element, Image, ImageStatus
from models.element import BARE_WEIGHT
from models.event import ImagesChanged
from resolvers.context import Context
from resolvers.jobs.purge import release
from resolvers.work import Work

#: How long after its last ticket was given out an image is waited for.
EXPIRY: Final = timedelta(hours=24)


def has_expired() -> ColumnElement[bool]:
    """That nobody will upload it any more, by the database's clock."""
    return and_(col(Image.status) == ImageStatus.PENDING, col(Image.status_at) <= func.now() - EXPIRY)


async def expire(context: Context, image_ids: Collection[UUID]) -> int:
    """Deletes those of them that have expired, a book at a time; how many."""
    async with context.reading() as session:
        books = [
            *await session.scalars(select(col(Image.book_id)).where(col(Image.id).in_(image_ids)).distinct()),
        ]
    expired = 0
    for book_id in books:
        async with context.work() as work:
            expired += await _expire(work, book_id, image_ids)
    return expired


async def _expire(work: Work, book_id: UUID, image_ids: Collection[UUID]) -> int:
    # The book first, as everybody locks it; then nobody gets another ticket for one of them.
    book = await work.session.scalar(select(Book).where(col(Book.id) == book_id).with_for_update())
    some = select(Image).where(col(Image.id).in_(image_ids), col(Image.book_id) == book_id, has_expired())
    images = [*await work.session.scalars(some.with_for_update())]
    if book is None or not images:
        return 0
    ids = [image.id for image in images]
    placed = select(col(Element.id)).where(col(Element.image_id).in_(ids), Element.of(book_id))
    placements = [*await work.session.scalars(placed.with_for_update())]
    if book.cover_image_id in ids:
        await work.tell_members(book_id)
    fact = ImagesChanged(book_id=book_id, deleted_image_ids=ids, deleted_element_ids=placements)
    # Also where none was placed: whoever reads the book while one of them goes has to find that it has changed.
    seq = await work.announce(book, fact)
    book.weight -= BARE_WEIGHT * len(placements)
    await work.session.execute(
        update(Element)
        .where(col(Element.id).in_(placements))
        .values(deleted_at=work.now, seq=seq, updated_at=work.now, updated_by=None)
        .execution_options(synchronize_session=False)
    )
    await work.session.flush()
    await work.session.execute(delete(Image).where(col(Image.id).in_(ids)).execution_options(synchronize_session=False))
    await release(work, {image.object_id for image in images})
    return len(images)
