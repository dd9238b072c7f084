"""Images that never came, or were refused long ago: they go with their placements, and everybody is told."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, tuple_, update
from sqlmodel import col

from models import Book, Element, Image, ImageStatus
from models.element import BARE_WEIGHT
from models.event import ImagesChanged
from models.image import FAILED_FOR
from resolvers.context import Context
from resolvers.jobs.discarding import DISCARD, Refused, late
from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.purge.apart import Apart
from resolvers.jobs.purge.placements import unplaced
from resolvers.jobs.purge.release import release
from resolvers.jobs.run import Run
from resolvers.work import Work
from storage.jobs import PRIORITY

#: How long after its last ticket was given out an image is waited for: long enough to put what was begun in time.
EXPIRY: Final = timedelta(hours=2)
#: Images that are looked at in one go.
BATCH: Final = 250


def has_expired() -> ColumnElement[bool]:
    """That nobody will upload it any more, by the database's clock."""
    return and_(col(Image.status) == ImageStatus.PENDING, col(Image.status_at) <= func.now() - EXPIRY)


def has_failed_long_ago() -> ColumnElement[bool]:
    """That nobody need read any more why it was refused, by the database's clock."""
    return and_(col(Image.status) == ImageStatus.FAILED, col(Image.status_at) <= func.now() - FAILED_FOR)


async def expire_all(run: Run, asked: Nothing) -> None:
    """All that have expired: what was put for them, and the room that they take, is there no longer than this."""
    context, apart = Context(run.parts, None), Apart()
    # One after the other: each has an index of its own.
    for over in (has_expired(), has_failed_long_ago()):
        await _expire_those(context, over, apart)
    apart.end()


async def expire_of(work: Work, book: Book, user_id: UUID) -> None:
    """Has all that somebody asked to put into the book, which is locked, expire at once, however often it was asked.

    Their tickets are good for a while yet: what they put is deleted at the end of it.
    """
    promised = await work.session.scalars(
        update(Image)
        .where(col(Image.book_id) == book.id, Image.is_by(user_id), col(Image.status) == ImageStatus.PENDING)
        # Long enough ago by any clock.
        .values(status_at=work.now - 2 * EXPIRY)
        .returning(Image)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    jobs = [late(image, work.now) for image in promised]
    if jobs:
        await work.owe(EXPIRE.job(Nothing(), key="left", priority=PRIORITY), *jobs)


async def _expire_those(context: Context, over: ColumnElement[bool], apart: Apart) -> None:
    key = col(Image.status_at), col(Image.id)
    after = datetime.fromtimestamp(0, UTC), UUID(int=0)
    while True:
        async with context.reading() as session:
            some = select(*key).where(over, tuple_(*key) > after).order_by(*key).limit(BATCH)
            found = [(row.status_at, row.id) for row in await session.execute(some)]
        if not found:
            return
        await expire(context, [id for _, id in found], apart)
        after = found[-1]


async def expire(context: Context, image_ids: Collection[UUID], apart: Apart) -> int:
    """Deletes those of them that have expired, each book apart from the others; how many."""
    async with context.reading() as session:
        some = select(col(Image.book_id)).where(col(Image.id).in_(image_ids))
        books = [*await session.scalars(some.distinct())]
    expired = 0
    for book_id in books:
        expired += await apart.do(_expire(context, book_id, image_ids), book=str(book_id)) or 0
    return expired


async def _expire(context: Context, book_id: UUID, image_ids: Collection[UUID]) -> int:
    while True:
        async with context.work() as work:
            # The book first, as everybody locks it; then nobody gets another ticket for one of them.
            book = await work.session.scalar(select(Book).where(col(Book.id) == book_id).with_for_update())
            is_over = or_(has_expired(), has_failed_long_ago())
            some = select(Image).where(col(Image.id).in_(image_ids), col(Image.book_id) == book_id, is_over)
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
