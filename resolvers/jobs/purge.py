"""The end of what is in the trash: after 30 days its rows go, and what they had in the bucket after them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlmodel import col

from models import Batch, Book, Element, Event, Image, Member, StoredObject
from models.book import TRASH_LIFETIME
from models.object import keys_of
from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.run import Run
from resolvers.work import Work
from storage.channels import book_channel

#: Rows, and images, that go in one transaction: nobody waits long for it.
ROWS: Final = 2_000
IMAGES: Final = 500
#: Objects whose removal is one job.
OBJECTS: Final = 200


@dataclass(frozen=True)
class Remove:
    """Objects whose rows are gone."""

    objects: list[UUID]


async def remove(run: Run, asked: Remove) -> None:
    """Deletes their bytes; those of one that is still a row's are left alone."""
    async with run.work() as work:
        kept = await work.session.scalars(select(col(StoredObject.id)).where(col(StoredObject.id).in_(asked.objects)))
        gone = {*asked.objects} - {*kept}
    await run.parts.objects.delete(keys_of(gone))


async def release(work: Work, object_ids: Collection[UUID]) -> list[UUID]:
    """Lets go of those that no image has any more, and owes the removal of their bytes; which these are.

    To be called once the rows of the images are deleted, in the same work.
    """
    # Locked before they are looked at: an image that is given one at this moment is seen, or finds it gone.
    some = select(col(StoredObject.id)).where(col(StoredObject.id).in_(object_ids))
    await work.session.execute(some.order_by(col(StoredObject.id)).with_for_update())
    has_image = select(1).where(col(Image.object_id) == StoredObject.id).exists()
    released = await work.session.scalars(
        delete(StoredObject)
        .where(col(StoredObject.id).in_(object_ids), ~has_image)
        .returning(col(StoredObject.id))
        .execution_options(synchronize_session=False)
    )
    gone = sorted(released)
    if gone:
        parts = (gone[start : start + OBJECTS] for start in range(0, len(gone), OBJECTS))
        await work.owe(*(REMOVE.job(Remove(part)) for part in parts))
    return gone


async def purge(run: Run, asked: Nothing) -> None:
    """All that was in the trash for 30 days, a part at a time: killed anywhere, it goes on the next time."""
    while await _purge_images(run):
        pass
    while (book_id := await _next_book(run)) is not None:
        await _purge_book(run, book_id)


async def _purge_images(run: Run) -> int:
    async with run.work() as work:
        over = col(Image.deleted_at) <= work.now - TRASH_LIFETIME
        some = select(col(Image.id), col(Image.book_id)).where(over).order_by(col(Image.deleted_at)).limit(IMAGES)
        found = (await work.session.execute(some)).all()
        # The book first, as everybody locks it.
        books = select(col(Book.id)).where(col(Book.id).in_({row.book_id for row in found}))
        await work.session.execute(books.order_by(col(Book.id)).with_for_update())
        return await _drop(work, [row.id for row in found], over)


async def _next_book(run: Run) -> UUID | None:
    async with run.work() as work:
        over = col(Book.deleted_at) <= work.now - TRASH_LIFETIME
        found: UUID | None = await work.session.scalar(
            select(col(Book.id)).where(over).order_by(col(Book.deleted_at)).limit(1)
        )
        return found


async def _purge_book(run: Run, book_id: UUID) -> None:
    """Nobody can restore it any more, so that its parts may go before it, those first of which there are many."""
    for model in (Element, Event, Batch):
        while await _dropped(run, model, book_id):
            pass
    while await _dropped_images(run, book_id):
        pass
    async with run.work() as work:
        # Who still follows it finds that it is gone.
        await work.tell_members(book_id)
        work.hints[book_channel(book_id)] = ""
        await work.session.execute(delete(Member).where(col(Member.book_id) == book_id))
        await work.session.execute(delete(Book).where(col(Book.id) == book_id))


async def _dropped(run: Run, model: Any, book_id: UUID) -> int:
    key = [*model.__table__.primary_key]
    async with run.work() as work:
        some = select(*key).where(col(model.book_id) == book_id).limit(ROWS)
        dropped: Any = await work.session.execute(
            delete(model).where(tuple_(*key).in_(some)).execution_options(synchronize_session=False)
        )
        return int(dropped.rowcount)


async def _dropped_images(run: Run, book_id: UUID) -> int:
    async with run.work() as work:
        some = await work.session.scalars(select(col(Image.id)).where(col(Image.book_id) == book_id).limit(IMAGES))
        return await _drop(work, [*some])


async def _drop(work: Work, ids: Collection[UUID], *conditions: Any) -> int:
    dropped = await work.session.scalars(
        delete(Image)
        .where(col(Image.id).in_(ids), *conditions)
        .returning(col(Image.object_id))
        .execution_options(synchronize_session=False)
    )
    objects = [*dropped]
    if objects:
        await release(work, {*objects})
    return len(objects)


REMOVE: Final = Kind("objects.remove", Remove, remove, timeout=120.0, tries=20, priority=80)
PURGE: Final = Kind("trash.purge", Nothing, purge, timeout=3_000.0, tries=3, priority=90, cron="23 * * * *")
KINDS: Final = (REMOVE, PURGE)
