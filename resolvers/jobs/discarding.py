"""What photos have in the bucket that wait for nothing any more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Image, ImageStatus, StoredObject
from models.image import TICKET_LIFETIME
from models.object import PREFIX
from resolvers.jobs.kind import Kind
from resolvers.jobs.run import Run
from resolvers.work import Work
from storage.jobs import Job


@dataclass(frozen=True, slots=True)
class Refused:
    """A photo that waits for nothing any more, and where it may have something in the bucket."""

    image_id: UUID
    keys: list[str]


async def discard(run: Run, asked: Refused) -> None:
    """Deletes what a photo has in quarantine, where its ticket may put it again; and all that one that failed has.

    A try that was killed may have put that there.
    """
    async with run.work() as work:
        image = await work.session.get(Image, asked.image_id)
        if image is not None and image.status in (ImageStatus.PENDING, ImageStatus.PROCESSING):
            return
        keys = [key for key in asked.keys if not key.startswith(PREFIX)]
        if image is None or image.status == ImageStatus.FAILED:
            keys += await _unneeded(work, asked, is_gone=image is None)
    await run.parts.objects.delete(keys)


async def _unneeded(work: Work, asked: Refused, *, is_gone: bool) -> list[str]:
    """The keys of objects that nobody else has."""
    objects = {key: UUID(key.removeprefix(PREFIX).split("/")[0]) for key in asked.keys if key.startswith(PREFIX)}
    others = select(col(Image.object_id)).where(
        col(Image.object_id).in_({*objects.values()}), col(Image.id) != asked.image_id
    )
    needed = {*await work.session.scalars(others)}
    if is_gone:
        rows = select(col(StoredObject.id)).where(col(StoredObject.id).in_({*objects.values()}))
        needed |= {*await work.session.scalars(rows)}
    return [key for key, id in objects.items() if id not in needed]


def late(image: Image, at: datetime) -> Job:
    """Deletes what was put with its ticket after its end: that is good until it expires, and any number of times."""
    asked = Refused(image.id, [image.upload_key])
    return DISCARD.job(asked, key=f"{image.id} late", not_before=at + TICKET_LIFETIME)


DISCARD: Final = Kind("photo.discard", Refused, discard, tries=20, priority=80)
