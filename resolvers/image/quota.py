"""Room for photos: what counts against it, and that it is not exceeded."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlmodel import col

from models import Book, Image, ImageStatus, User
from models.quota import GB, Quotas
from models.refusal import LimitReached
from resolvers.work import Work

#: That its bytes are there, or may be: what was put with a ticket stays until the image has expired and is deleted.
_TAKES_ROOM: Final = col(Image.status) != ImageStatus.FAILED


async def hold(work: Work, book: Book, user_id: UUID, quotas: Quotas, *path: str) -> None:
    """Raises LimitReached where the book, which is locked, or the person has more than they may, this work included.

    What is in the trash is no photo of the book's, but its bytes are there until it is emptied.
    """
    await work.session.flush()
    in_book = and_(col(Image.book_id) == book.id, _TAKES_ROOM)
    count = select(func.count()).where(in_book, col(Image.deleted_at).is_(None))
    if (await work.session.scalar(count) or 0) > quotas.book_images:
        raise LimitReached(f"A book has at most {quotas.book_images:,} images.", *path)
    if await _bytes(work, in_book) > quotas.book_bytes:
        raise LimitReached(f"A book has room for {quotas.book_bytes / GB:,g} GB of photos.", *path)
    # Whoever asks for another book of theirs waits here; and nobody who writes a row that names them.
    await work.session.execute(select(col(User.id)).where(col(User.id) == user_id).with_for_update(key_share=True))
    if await _bytes(work, and_(col(Image.uploader_id) == user_id, _TAKES_ROOM)) > quotas.user_bytes:
        raise LimitReached(f"You have room for {quotas.user_bytes / GB:,g} GB of photos.", *path)


async def _bytes(work: Work, which: Any) -> int:
    # Books share what they have in the bucket.
    once = select(col(Image.object_id), col(Image.size)).where(which).distinct().subquery()
    return int(await work.session.scalar(select(func.coalesce(func.sum(once.c.size), 0))) or 0)
