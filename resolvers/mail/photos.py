"""What is said of photos that could not be used: once for all of a batch."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlmodel import col

from models import Book, Image, PhotoFailure, User
from models.image import ImageStatus
from models.user import Language
from resolvers import access
from resolvers.mail.mails import PHOTOS_NAMED, FailedPhoto, PhotosFailedMail
from resolvers.work import Work

#: Characters of a reason that a mail says.
_REASON: Final = 200


async def gathered(work: Work, uploader_id: UUID, book_id: UUID) -> list[UUID]:
    """The photos that this person was not told of yet, oldest first; from now on they were."""
    theirs = select(col(Image.id)).where(col(Image.uploader_id) == uploader_id, col(Image.book_id) == book_id)
    untold = await work.session.scalars(
        delete(PhotoFailure).where(col(PhotoFailure.image_id).in_(theirs)).returning(col(PhotoFailure.image_id))
    )
    return sorted(untold)


async def mail_of(
    work: Work, uploader_id: UUID, book_id: UUID, image_ids: Sequence[UUID], at: datetime, *, address: str
) -> PhotosFailedMail | None:
    """None when none of them is there any more, or the book is not theirs to see, or they have confirmed no address.

    One that is not confirmed may be a stranger's, who would read whatever the book and its files are called.
    """
    uploader = await work.session.get(User, uploader_id)
    book = await work.session.scalar(
        select(Book).where(
            col(Book.id) == book_id, col(Book.deleted_at).is_(None), access.book_is_seen(uploader_id, Book)
        )
    )
    failed = await work.session.execute(
        select(col(Image.filename), col(Image.failure_reason))
        .where(col(Image.id).in_(image_ids), col(Image.status) == ImageStatus.FAILED, col(Image.deleted_at).is_(None))
        .order_by(col(Image.id))
    )
    photos = [FailedPhoto(filename=name, reason=(reason or "")[:_REASON]) for name, reason in failed]
    if uploader is None or uploader.email is None or uploader.email_verified_at is None or book is None or not photos:
        return None
    return PhotosFailedMail(
        to=uploader.email,
        at=at,
        language=Language(uploader.language),
        title=book.title,
        link=f"{address}/books/bk_{book.id}",
        photos=photos[:PHOTOS_NAMED],
        count=len(photos),
    )
