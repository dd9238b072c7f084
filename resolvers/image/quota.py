"""Room for photos: what counts against it, and that it is not exceeded."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import col

from models import Book, Image, ImageStatus, User
from models.image import TICKET_LIFETIME
from models.quota import GB, Quotas
from models.refusal import LimitReached
from resolvers.work import Work


async def hold(work: Work, book: Book, user_id: UUID, quotas: Quotas, *path: str) -> None:
    """Raises LimitReached where the book, which is locked, or the person has more than they may, this work included.

    What is in the trash is no photo of the book's, but its bytes are there until it is emptied.
    """
    await work.session.flush()
    in_book = and_(col(Image.book_id) == book.id, _takes_room(work))
    count = select(func.count()).where(in_book, col(Image.deleted_at).is_(None))
    if (await work.session.scalar(count) or 0) > quotas.book_images:
        raise LimitReached(f"A book has at most {quotas.book_images:,} images.", *path)
    if await _bytes(work, in_book) > quotas.book_bytes:
        raise LimitReached(f"A book has room for {quotas.book_bytes / GB:,g} GB of photos.", *path)
    # Whoever asks for another book of theirs waits here; and nobody who writes a row that names them.
    await work.session.execute(select(col(User.id)).where(col(User.id) == user_id).with_for_update(key_share=True))
    if await _bytes(work, and_(col(Image.uploader_id) == user_id, _takes_room(work))) > quotas.user_bytes:
        raise LimitReached(f"You have room for {quotas.user_bytes / GB:,g} GB of photos.", *path)


def _takes_room(work: Work) -> ColumnElement[bool]:
    """That its bytes are there, or may come: one whose ticket has expired takes none any more."""
    return or_(
        col(Image.status).in_([ImageStatus.PROCESSING, ImageStatus.READY]),
        and_(col(Image.status) == ImageStatus.PENDING, col(Image.status_at) > work.now - TICKET_LIFETIME),
    )


async def _bytes(work: Work, which: Any) -> int:
    # Books share what they have in the bucket.
    once = select(col(Image.object_id), col(Image.size)).where(which).distinct().subquery()
    return int(await work.session.scalar(select(func.coalesce(func.sum(once.c.size), 0))) or 0)
