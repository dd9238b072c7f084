"""The end of what is in the trash: after 30 days its rows go, and what they had in the bucket after them."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, tuple_
from sqlmodel import col

from models import Batch, Book, Element, Event, Image, Member
from models.book import TRASH_LIFETIME
from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.purge.apart import Apart
from resolvers.jobs.purge.placements import unplaced
from resolvers.jobs.purge.release import release
from resolvers.jobs.run import Run
from resolvers.work import Work
from storage.channels import book_channel

#: For how long nothing that can no longer be brought back is touched: whoever restores it goes by a clock of their own.
MARGIN: Final = timedelta(days=1)
#: Rows, and images, that go in one transaction: nobody waits long for it.
ROWS: Final = 2_000
IMAGES: Final = 500


def is_over(model: Any) -> ColumnElement[bool]:
    """That nobody can restore it any more, by the database's clock."""
    return col(model.deleted_at) <= func.now() - (TRASH_LIFETIME + MARGIN)


async def purge(run: Run, asked: Nothing) -> None:
    """All that was in the trash for too long, a part at a time: killed anywhere, it goes on the next time."""
    apart = Apart()
    while await apart.do(_purge_images(run)):
        pass
    after = datetime.fromtimestamp(0, UTC), UUID(int=0)
    while (book := await _next_book(run, after)) is not None:
        await apart.do(_purge_book(run, book[1]), book=str(book[1]))
        after = book
    apart.end()


async def _purge_images(run: Run) -> bool:
    """Some of them, or of their placements, which go before them; whether there may be more."""
    async with run.work() as work:
        some = select(col(Image.id), col(Image.book_id)).where(is_over(Image))
        found = (await work.session.execute(some.order_by(col(Image.deleted_at)).limit(IMAGES))).all()
        # The book first, as everybody locks it.
        books = select(col(Book.id)).where(col(Book.id).in_({row.book_id for row in found}))
        await work.session.execute(books.order_by(col(Book.id)).with_for_update())
        ids = [row.id for row in found]
        return not await unplaced(work, ids, is_over(Image)) or await _drop(work, ids, is_over(Image)) > 0


async def _next_book(run: Run, after: tuple[datetime, UUID]) -> tuple[datetime, UUID] | None:
    """When it was deleted, and its id."""
    key = col(Book.deleted_at), col(Book.id)
    async with run.work() as work:
        some = select(*key).where(is_over(Book), tuple_(*key) > after).order_by(*key).limit(1)
        found = (await work.session.execute(some)).one_or_none()
    return (found.deleted_at, found.id) if found else None


async def _purge_book(run: Run, book_id: UUID) -> None:
    """Nobody can restore it any more, so that its parts may go before it, those first of which there are many."""
    for model in (Element, Event, Batch):
        while await _dropped(run, model, book_id):
            pass
    while await _dropped_images(run, book_id):
        pass
    async with run.work() as work:
        if await _stays(work, book_id):
            return
        # Who still follows it finds that it is gone.
        await work.tell_members(book_id)
        work.hints[book_channel(book_id)] = ""
        await work.session.execute(delete(Member).where(col(Member.book_id) == book_id))
        await work.session.execute(delete(Book).where(col(Book.id) == book_id, is_over(Book)))


async def _stays(work: Work, book_id: UUID) -> bool:
    """Whether it was brought back meanwhile; if not, nobody can do that before the work ends."""
    over = select(col(Book.id)).where(col(Book.id) == book_id, is_over(Book))
    return await work.session.scalar(over.with_for_update()) is None


async def _dropped(run: Run, model: Any, book_id: UUID) -> int:
    key = [*model.__table__.primary_key]
    async with run.work() as work:
        if await _stays(work, book_id):
            return 0
        some = select(*key).where(col(model.book_id) == book_id).limit(ROWS)
        dropped: Any = await work.session.execute(
            delete(model).where(tuple_(*key).in_(some)).execution_options(synchronize_session=False)
        )
        return int(dropped.rowcount)


async def _dropped_images(run: Run, book_id: UUID) -> int:
    async with run.work() as work:
        if await _stays(work, book_id):
            return 0
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


PURGE: Final = Kind("trash.purge", Nothing, purge, timeout=3_000.0, tries=3, priority=90, cron="23 * * * *")
