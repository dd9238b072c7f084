"""Photos that were put into the quarantine: each ends READY, or FAILED with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import and_, exists, func, select
from sqlmodel import col

from models import Book, Image, ImageStatus, StoredObject
from models.event import ImagesChanged
from models.object import keys_of
from models.refusal import Unavailable
from resolvers.jobs.development import Development, Unusable, take_in
from resolvers.jobs.discarding import DISCARD, Refused, late
from resolvers.jobs.kind import Backoff, Kind
from resolvers.jobs.run import Run
from resolvers.mail import owed
from resolvers.work import Work
from storage.jobs import Job

#: Seconds for one photo: to wait for its turn, to be looked at, to be read and written.
TIMEOUT: Final = 900.0
#: Within forty minutes, so that a bucket that is away for half an hour costs nobody their photos.
TRIES: Final = 8
PATIENCE: Final = Backoff(first=5.0, factor=3.0, most=900.0)
#: Of somebody's first photo, at which they look and wait; each that they have before it adds one, up to the last.
PRIORITY: Final = 40
LAST: Final = 65
NOT_PROCESSED: Final = "The photo could not be processed; please upload it again."

_log = structlog.get_logger("images")


@dataclass(frozen=True, slots=True)
class Photo:
    image_id: UUID


async def developing(work: Work, uploader_id: UUID, begun: Sequence[Image]) -> list[Job]:
    """The jobs of photos that have come, each after as many others' as its uploader has before it.

    Whoever else has one waits for the first of theirs, and not for all of them.
    """
    processing = and_(col(Image.uploader_id) == uploader_id, col(Image.status) == ImageStatus.PROCESSING)
    before = (await work.session.scalar(select(func.count()).select_from(Image).where(processing)) or 0) - len(begun)
    return [
        DEVELOP.job(Photo(image.id), key=str(image.id), priority=min(PRIORITY + place, LAST))
        for place, image in enumerate(begun, before)
    ]


async def develop(run: Run, asked: Photo) -> None:
    """Twice, late or after a kill it comes to the same: what it puts is always the same, what it says it says once."""
    image = await _waiting(run, asked.image_id)
    if image is None:
        return
    try:
        await take_in(run.parts, image)
        async with Development.of(run.parts, image) as development:
            await development.keep(run.parts)
            is_wanted = await _show(run, image, development)
    except Unusable as refused:
        await _refuse(run, image, str(refused))
        return
    try:
        await run.parts.objects.delete([image.upload_key] if is_wanted else _keys(image))
    except Unavailable:
        # It has ended as it has; what is left lies where no address leads, and is swept.
        _log.warning("what was checked stays in quarantine", image=str(image.id))


async def give_up(run: Run, asked: Photo) -> None:
    """The end of one that no try came to an end with."""
    image = await _waiting(run, asked.image_id)
    if image is not None:
        await _refuse(run, image, NOT_PROCESSED)


async def _waiting(run: Run, image_id: UUID) -> Image | None:
    """The photo, while it is not known how it ends."""
    async with run.work() as work:
        image = await work.session.get(Image, image_id)
    return image if image is not None and image.status == ImageStatus.PROCESSING else None


async def _locked(work: Work, image: Image) -> tuple[Book, Image] | None:
    """The book first, as everybody locks them; None where it has ended."""
    book = await work.session.scalar(select(Book).where(col(Book.id) == image.book_id).with_for_update())
    found = await work.session.get(Image, image.id, with_for_update=True)
    if book is None or found is None or found.status != ImageStatus.PROCESSING:
        return None
    return book, found


async def _show(run: Run, image: Image, development: Development) -> bool:
    """Makes it READY, unless it has ended; whether what was put for it is shown by anyone now."""
    async with run.finishing() as work:
        locked = await _locked(work, image)
        if locked is None:
            # By an older program, or by the same job put by hand; and it may have been copied since.
            is_ready = col(Image.object_id) == image.object_id, col(Image.status) == ImageStatus.READY
            return bool(await work.session.scalar(select(exists().where(*is_ready))))
        book, shown = locked
        stored = await work.session.get_one(StoredObject, shown.object_id)
        development.note_on(stored, work.now)
        development.show_on(shown)
        shown.status, shown.status_at = ImageStatus.READY, work.now
        await _announce(work, book, shown)
        await work.owe(late(shown, work.now))
    return True


async def _refuse(run: Run, image: Image, reason: str) -> None:
    async with run.finishing() as work:
        locked = await _locked(work, image)
        if locked is not None:
            book, refused = locked
            refused.status, refused.status_at, refused.failure_reason = ImageStatus.FAILED, work.now, reason
            await _announce(work, book, refused)
            if refused.deleted_at is None:
                await owed.photo_failed(work, refused)
        await work.owe(DISCARD.job(Refused(image.id, _keys(image)), key=str(image.id)), late(image, work.now))


def _keys(image: Image) -> list[str]:
    """All that one has that was never READY: its object is its alone."""
    return [image.upload_key, *keys_of([image.object_id])]


async def _announce(work: Work, book: Book, image: Image) -> None:
    # One that went into the trash meanwhile is told of when it comes back.
    if image.deleted_at is None:
        await work.announce(book, ImagesChanged(book_id=book.id, images=[image]))
        if book.cover_image_id == image.id:
            await work.tell_members(book.id)


DEVELOP: Final = Kind(
    "photo.develop",
    Photo,
    develop,
    timeout=TIMEOUT,
    tries=TRIES,
    backoff=PATIENCE,
    priority=PRIORITY,
    dead="photo.give_up",
    takes_long=True,
)
GIVE_UP: Final = Kind("photo.give_up", Photo, give_up, tries=20, priority=PRIORITY)
KINDS: Final = (DEVELOP, GIVE_UP)
