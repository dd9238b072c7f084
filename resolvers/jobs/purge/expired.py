"""Images that were promised and never came: they go with their placements, and everybody is told."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, select, tuple_, update
from sqlmodel import col

from models import Book, Element, Image, ImageStatus
from models.element import BARE_WEIGHT
from models.event import ImagesChanged
from resolvers.context import Context
from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.photos import DISCARD, Refused
from resolvers.jobs.purge.apart import Apart
from resolvers.jobs.purge.placements import unplaced
from resolvers.jobs.purge.release import release
from resolvers.jobs.run import Run
from resolvers.work import Work

#: How long after its last ticket was given out an image is waited for: long enough to put what was begun in time.
EXPIRY: Final = timedelta(hours=2)
#: Images that are looked at in one go.
BATCH: Final = 250


def has_expired() -> ColumnElement[bool]:
    """That nobody will upload it any more, by the database's clock."""
    return and_(col(Image.status) == ImageStatus.PENDING, col(Image.status_at) <= func.now() - EXPIRY)


async def expire_all(run: Run, asked: Nothing) -> None:
    """All that have expired: what was put for them, and the room that they take, is there no longer than this."""
    context, apart = Context(run.parts, None), Apart()
    key = col(Image.status_at), col(Image.id)
    after = datetime.fromtimestamp(0, UTC), UUID(int=0)
    while True:
        async with context.reading() as session:
            some = select(*key).where(has_expired(), tuple_(*key) > after).order_by(*key).limit(BATCH)
            found = [(row.status_at, row.id) for row in await session.execute(some)]
        if not found:
            break
        await apart.do(expire(context, [id for _, id in found]))
        after = found[-1]
    apart.end()


async def expire(context: Context, image_ids: Collection[UUID]) -> int:
    """Deletes those of them that have expired, a book at a time; how many."""
    async with context.reading() as session:
        some = select(col(Image.book_id)).where(col(Image.id).in_(image_ids))
        books = [*await session.scalars(some.distinct())]
    expired, apart = 0, Apart()
    for book_id in books:
        expired += await apart.do(_expire(context, book_id, image_ids), book=str(book_id)) or 0
    apart.end()
    return expired


async def _expire(context: Context, book_id: UUID, image_ids: Collection[UUID]) -> int:
    while True:
        async with context.work() as work:
            # The book first, as everybody locks it; then nobody gets another ticket for one of them.
            book = await work.session.scalar(select(Book).where(col(Book.id) == book_id).with_for_update())
            some = select(Image).where(col(Image.id).in_(image_ids), col(Image.book_id) == book_id, has_expired())
            images = [*await work.session.scalars(some.with_for_update())]
            if book is None or not images:
                return 0
            # First those that nobody sees, of which there may be any number.
            if await unplaced(work, [image.id for image in images], col(Element.deleted_at).is_not(None)):
                await _drop(work, book, images)
                return len(images)


async def _drop(work: Work, book: Book, images: list[Image]) -> None:
    ids = [image.id for image in images]
    placed = select(col(Element.id)).where(col(Element.image_id).in_(ids), Element.of(book.id))
    placements = [*await work.session.scalars(placed.with_for_update())]
    if book.cover_image_id in ids:
        await work.tell_members(book.id)
    fact = ImagesChanged(book_id=book.id, deleted_image_ids=ids, deleted_element_ids=placements)
    # Also where none was placed: whoever reads the book while one of them goes has to find that it has changed.
    seq = await work.announce(book, fact)
    book.weight -= BARE_WEIGHT * len(placements)
    await work.session.execute(
        update(Element)
        .where(col(Element.id).in_(placements))
        .values(deleted_at=work.now, seq=seq, updated_at=work.now, updated_by=None, image_id=None)
        .execution_options(synchronize_session=False)
    )
    await work.session.flush()
    await work.session.execute(delete(Image).where(col(Image.id).in_(ids)).execution_options(synchronize_session=False))
    await release(work, {image.object_id for image in images})
    await work.owe(*(DISCARD.job(Refused(image.id, [image.upload_key]), key=str(image.id)) for image in images))


EXPIRE: Final = Kind("images.expire", Nothing, expire_all, timeout=1_800.0, tries=3, priority=90, cron="11 * * * *")
