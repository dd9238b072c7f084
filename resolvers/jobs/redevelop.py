"""Photos from before there were sizes and stripped copies: looked at again, once, after an upgrade."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlmodel import col

from models import Book, Image, ImageStatus, StoredObject
from models.event import ImagesChanged
from resolvers.jobs import photos
from resolvers.jobs.development import Development, Unusable
from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.run import Run
from resolvers.work import Work
from storage.jobs import GaveUp, Job

#: Photos whose jobs are put in one transaction.
AT_ONCE: Final = 500

_OF_OLD: Final = (col(Image.status) == ImageStatus.READY, col(Image.thumbhash).is_(None))


@dataclass(frozen=True, slots=True)
class Old:
    object_id: UUID


async def redevelop(run: Run, asked: Nothing) -> None:
    """Owes a job for each object that a photo of old has, and for each photo whose check an older program left."""
    await _owe(run, col(Image.object_id), and_(*_OF_OLD), lambda id: OLD.job(Old(id), key=str(id)))
    is_left = col(Image.status) == ImageStatus.PROCESSING
    await _owe(run, col(Image.id), is_left, lambda id: photos.DEVELOP.job(photos.Photo(id), key=str(id)))


async def _owe(run: Run, ids: Any, which: ColumnElement[bool], job: Callable[[UUID], Job]) -> None:
    last = UUID(int=0)
    while True:
        async with run.work() as work:
            some = select(ids).where(which, ids > last).distinct().order_by(ids).limit(AT_ONCE)
            found = [*await work.session.scalars(some)]
            await work.owe(*map(job, found))
        if not found:
            return
        last = found[-1]


async def develop_old(run: Run, asked: Old) -> None:
    """Makes what is missing. Whoever cannot be developed stays as they are, without smaller ones, for us to look at."""
    of_object = (*_OF_OLD, col(Image.object_id) == asked.object_id)
    async with run.work() as work:
        image = await work.session.scalar(select(Image).where(*of_object).limit(1))
    if image is None:
        return
    try:
        async with Development.of(run.parts, image) as development:
            await development.keep(run.parts)
            async with run.finishing() as work:
                of_books = select(col(Image.book_id)).where(*of_object)
                books = select(Book).where(col(Book.id).in_(of_books)).order_by(col(Book.id)).with_for_update()
                # Again: who was copying one of them when it was asked for has made another by the time it is locked.
                while found := [*await work.session.scalars(books)]:
                    for book in found:
                        await _show(work, book, of_object, development)
                stored = await work.session.get(StoredObject, asked.object_id)
                if stored is not None:
                    development.note_on(stored, work.now)
    except Unusable as refused:
        raise GaveUp(str(refused)) from None


async def _show(work: Work, book: Book, which: Iterable[ColumnElement[bool]], development: Development) -> None:
    """In a book that is locked."""
    of_book = select(Image).where(*which, col(Image.book_id) == book.id)
    images = [*await work.session.scalars(of_book.execution_options(populate_existing=True))]
    for each in images:
        development.show_on(each)
    await work.session.flush()
    shown = [each for each in images if each.deleted_at is None]
    if shown:
        await work.announce(book, ImagesChanged(book_id=book.id, images=shown))


OLD: Final = Kind(
    "photo.develop_old",
    Old,
    develop_old,
    timeout=photos.TIMEOUT,
    tries=photos.TRIES,
    backoff=photos.PATIENCE,
    priority=70,
    takes_long=True,
)
REDEVELOP: Final = Kind("photo.redevelop", Nothing, redevelop, timeout=600.0)
KINDS: Final = (OLD, REDEVELOP)
