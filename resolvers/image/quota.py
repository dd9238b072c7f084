"""Room for photos: what counts against it, and that it is not exceeded."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlmodel import col

from models import Book, Image, ImageStatus, StoredObject, User
from models.image import FAILED_COUNTED, IMAGES_LIMIT
from models.quota import GB, Quotas
from models.refusal import LimitReached
from resolvers.work import Work

#: That its bytes are there, or may be: what was put with a ticket stays until the image has expired and is deleted.
_TAKES_ROOM: Final = col(Image.status) != ImageStatus.FAILED
_IS_PENDING: Final = col(Image.status) == ImageStatus.PENDING


async def hold(work: Work, book: Book, user_id: UUID, quotas: Quotas, *path: str, promises: int = IMAGES_LIMIT) -> None:
    """Raises LimitReached where the book, which is locked, or the person has more than they may, this work included.

    What is in the trash is no photo of the book's, but its bytes are there until it is emptied. What is merely promised
    counts also there, and for a day what was refused: or there could be any number of them. The person has at most so
    many `promises` in the book.
    """
    await work.session.flush()
    of_book = col(Image.book_id) == book.id
    in_book = and_(of_book, _TAKES_ROOM)
    is_photo = and_(_TAKES_ROOM, or_(col(Image.deleted_at).is_(None), _IS_PENDING))
    was_refused = and_(~_TAKES_ROOM, col(Image.status_at) > work.now - FAILED_COUNTED)
    promised = func.count().filter(_IS_PENDING, Image.is_by(user_id))
    count = select(func.count(), promised).select_from(Image).where(of_book, or_(is_photo, was_refused))
    images, pending = (await work.session.execute(count)).one()
    if pending > promises:
        raise LimitReached(f"Complete what you have asked for first: at most {promises:,} at once.", *path)
    if images > quotas.book_images:
        raise LimitReached(f"A book has at most {quotas.book_images:,} images.", *path)
    if await _bytes(work, in_book) > quotas.book_bytes:
        raise LimitReached(f"A book has room for {quotas.book_bytes / GB:,g} GB of photos.", *path)
    # Whoever asks for another book of theirs waits here; and nobody who writes a row that names them.
    await work.session.execute(select(col(User.id)).where(col(User.id) == user_id).with_for_update(key_share=True))
    if await _bytes(work, and_(col(Image.uploader_id) == user_id, _TAKES_ROOM)) > quotas.user_bytes:
        raise LimitReached(f"You have room for {quotas.user_bytes / GB:,g} GB of photos.", *path)


async def _bytes(work: Work, which: Any) -> int:
    # Books share what they have in the bucket. What is made of a photo is about as large as the photo, and is not
    # expected to count. But a tiny file of which much is made counts by that.
    once = (
        select(col(Image.object_id), func.greatest(Image.size, StoredObject.made_bytes).label("size"))
        .join(StoredObject, col(StoredObject.id) == col(Image.object_id))
        .where(which)
        .distinct()
        .subquery()
    )
    return int(await work.session.scalar(select(func.coalesce(func.sum(once.c.size), 0))) or 0)
