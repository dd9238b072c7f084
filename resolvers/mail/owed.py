"""Owing a mail: what a work that has something to tell by mail calls, so that both hold or neither does."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models import Image, Invitation, PhotoFailure
from resolvers.work import Work
from storage.jobs import Job

#: A batch has ended when no photo failed for so long, and is told of at the latest so long after its first one did.
QUIET: Final = timedelta(seconds=60)
LATEST: Final = timedelta(minutes=10)

INVITATION: Final = "mail.invitation"
GATHER_PHOTOS: Final = "mail.gather_photos"
PHOTOS_FAILED: Final = "mail.photos_failed"


async def invitation(work: Work, invited: Invitation) -> None:
    """Writes to the invited address. The token of its link is made when it is sent: only its hash is ever kept."""
    await work.owe(Job(INVITATION, {"invitation_id": str(invited.id)}, key=str(invited.id)))


async def photo_failed(work: Work, image: Image) -> None:
    """Tells the uploader, once for a batch of photos; nobody where they are gone."""
    if image.uploader_id is None:
        return
    await work.session.flush()
    await work.session.execute(
        insert(PhotoFailure).values(image_id=image.id, noted_at=work.now).on_conflict_do_nothing()
    )
    first = await work.session.scalar(
        select(func.min(PhotoFailure.noted_at))
        .join(Image, col(Image.id) == PhotoFailure.image_id)
        .where(col(Image.uploader_id) == image.uploader_id, col(Image.book_id) == image.book_id)
    )
    await work.owe(
        Job(
            GATHER_PHOTOS,
            {"uploader_id": str(image.uploader_id), "book_id": str(image.book_id)},
            key=f"{image.uploader_id}:{image.book_id}",
            not_before=min(work.now + QUIET, (first or work.now) + LATEST),
            debounce=True,
        )
    )
