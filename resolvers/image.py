"""Photos: tickets to put them into the bucket, and the check of what was put."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, Literal, TypeVar, cast
from uuid import UUID

import structlog
from sqlalchemy import and_, func, or_, select, update
from sqlmodel import col

from models import Book, Image, ImageStatus, ImageVariant, Role
from models.event import ImagesChanged
from models.id import inside, new_id
from models.image import (
    CHECK_LIFETIME,
    FILES_LIMIT,
    IMAGES_LIMIT,
    TICKET_LIFETIME,
    checked_digest,
    checked_filename,
    checked_size,
    checked_type,
    key_of,
)
from models.refusal import (
    Forbidden,
    Invalid,
    LimitReached,
    NotFound,
    Refusal,
    Refusals,
    TooLarge,
    Unavailable,
)
from resolvers import access
from resolvers.connection import Keyset
from resolvers.context import Context, Parts
from resolvers.work import Work
from storage.objects import NoSuchObject, Ticket, disposition
from storage.picture import NotAPicture, Picture

_log = structlog.get_logger("images")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class File:
    """A file that a client wants to put into the bucket, as it declares it."""

    filename: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Upload:
    """The image of a file, and the ticket to put its bytes; none when the book holds them already."""

    image: Image
    ticket: Ticket | None


async def request(context: Context, *, book_id: UUID | None, files: list[File]) -> list[Upload]:
    """A ticket for each file, in their order. Raises Refusals with all that is wrong with them."""
    if not 1 <= len(files) <= FILES_LIMIT:
        raise Invalid(f"1 to {FILES_LIMIT} files at once.", "input", "files")
    checked = _checked(files, context.parts.upload_limit)
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, book_id, Role.CONTRIBUTOR, "input", "bookId")
        images = await _images(work, seat.book, context.viewer.user_id, checked)
        await work.show({"im": [image.id for image in images]})
    uploads = []
    for image in images:
        pending = image.status == ImageStatus.PENDING
        uploads.append(Upload(image, _ticket(context, image) if pending else None))
    return uploads


async def complete(context: Context, image_ids: list[str]) -> tuple[list[Image], int]:
    """Checks the bytes that were put; each image ends READY or FAILED. Repeating it gives the same end.

    Raises Invalid for images of several books or bytes that are not there yet, NotFound, Forbidden for others' images.
    """
    if not 1 <= len(image_ids) <= FILES_LIMIT:
        raise Invalid(f"1 to {FILES_LIMIT} images at once.", "imageIds")
    images = await _mine(context, image_ids)
    await _are_there(context, images)
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, images[0].book_id, Role.CONTRIBUTOR, "imageIds")
        begun = await _begin(work, [image.id for image in images])
        if begun:
            await work.announce(seat.book, ImagesChanged(book_id=seat.book.id, images=begun))
    ends = await asyncio.gather(*(_check(context, image) for image in begun), return_exceptions=True)
    for failure in ends:
        if failure is not None:
            raise failure
    async with context.reading() as session:
        # The seq first: the images may be newer than it says, never older.
        seq = await session.scalar(select(col(Book.seq)).where(col(Book.id) == images[0].book_id))
        ids = [image.id for image in images]
        found = {image.id: image for image in await session.scalars(select(Image).where(col(Image.id).in_(ids)))}
    await context.show({"im": ids})
    return [found[id] for id in ids], int(seq or 0)


def newest(image: Any) -> Keyset:
    """The order of a book's images; ids grow with time."""
    return Keyset((image.id,), (UUID,))


def address(context: Context, variant: ImageVariant, id: str, content_type: str, filename: str) -> tuple[str, float]:
    """A presigned GET of the original, whichever variant is asked for; and the Unix time at which it changes."""
    shown: Literal["attachment", "inline"] = "attachment" if variant is ImageVariant.ORIGINAL else "inline"
    objects, key, now = context.parts.objects, key_of(id), context.now
    url = objects.url(key, now=now, content_type=content_type, disposition=disposition(shown, filename))
    return url, objects.turns(key, now)


def _checked(files: list[File], most: int) -> list[File]:
    """The files as they are kept. Raises Refusals with everything that is wrong with any of them."""
    refusals: list[Refusal] = []

    def hold(check: Callable[..., T], value: T, *path: str) -> T:
        try:
            return check(value, *path)
        except Refusal as refusal:
            refusals.append(refusal)
            return value

    checked = []
    for place, file in enumerate(files):
        path = ("input", "files", str(place))
        checked.append(
            File(
                hold(checked_filename, file.filename, *path, "filename"),
                hold(checked_type, file.content_type, *path, "contentType"),
                hold(partial(checked_size, most=most), file.size, *path, "size"),
                hold(checked_digest, file.sha256, *path, "sha256"),
            )
        )
    if refusals:
        raise Refusals(refusals)
    return checked


async def _images(work: Work, book: Book, viewer_id: UUID, files: list[File]) -> list[Image]:
    """An image for each file: the one that the book holds, the viewer's that still waits, or a new one."""
    held = await work.session.scalars(
        select(Image)
        .where(
            col(Image.book_id) == book.id,
            col(Image.sha256).in_({file.sha256 for file in files}),
            col(Image.deleted_at).is_(None),
            or_(Image.is_held(work.now), and_(col(Image.status) == ImageStatus.PENDING, Image.is_by(viewer_id))),
        )
        # The one whose bytes are there is taken before one that waits.
        .order_by(col(Image.status) != ImageStatus.PENDING, col(Image.id).desc())
    )
    by_digest = {image.sha256: image for image in held}
    for file in files:
        image = by_digest.get(file.sha256)
        if image is None:
            image = Image(id=new_id(), book_id=book.id, uploader_id=viewer_id, created_at=work.now, **asdict(file))
            work.session.add(image)
            by_digest[file.sha256] = image
        elif image.status == ImageStatus.PENDING:
            for name, value in asdict(file).items():
                setattr(image, name, value)
            image.status_at = work.now
    count = select(func.count()).where(
        col(Image.book_id) == book.id,
        col(Image.deleted_at).is_(None),
        or_(
            col(Image.status).in_([ImageStatus.PROCESSING, ImageStatus.READY]),
            # One whose ticket has expired takes no room any more.
            and_(col(Image.status) == ImageStatus.PENDING, col(Image.status_at) > work.now - TICKET_LIFETIME),
        ),
    )
    if (await work.session.scalar(count) or 0) > IMAGES_LIMIT:
        raise LimitReached(f"A book has at most {IMAGES_LIMIT:,} images.", "input", "files")
    return [by_digest[file.sha256] for file in files]


def _ticket(context: Context, image: Image) -> Ticket:
    return context.parts.objects.ticket(
        image.upload_key,
        content_type=image.content_type,
        size=image.size,
        sha256=image.sha256,
        lifetime=TICKET_LIFETIME,
    )


async def _mine(context: Context, image_ids: list[str]) -> list[Image]:
    """The image of each id, all of one book. Raises NotFound, Forbidden, Invalid."""
    async with context.reading() as session:
        ids = [inside("im", id) for id in image_ids]
        rows = await session.scalars(
            select(Image).where(col(Image.id).in_(ids), access.image_is_seen(context.viewer.user_id))
        )
        found = {image.id: image for image in rows}
    images = []
    for place, id in enumerate(ids):
        if id is None or id not in found:
            raise NotFound("There is no such image.", "imageIds", place)
        images.append(found[id])
    for place, image in enumerate(images):
        if image.uploader_id != context.viewer.user_id:
            raise Forbidden("Somebody else uploads this one.", "imageIds", place)
        if image.book_id != images[0].book_id:
            raise Invalid("All of one book.", "imageIds", place)
    return images


async def _are_there(context: Context, images: list[Image]) -> None:
    """Raises Refusals for what was not put into the bucket yet."""
    waiting = [(place, image) for place, image in enumerate(images) if image.status == ImageStatus.PENDING]
    heads = await asyncio.gather(*(context.parts.objects.head(image.upload_key) for _, image in waiting))
    absent = [
        Invalid("Its bytes are not in the bucket yet.", "imageIds", place)
        for (place, _), head in zip(waiting, heads, strict=True)
        if head is None
    ]
    if absent:
        raise Refusals(list(absent))


async def _begin(work: Work, ids: list[UUID]) -> list[Image]:
    """Those that are for us to check: that wait, or whose check was begun long ago and never ended."""
    begun = await work.session.scalars(
        update(Image)
        .where(
            col(Image.id).in_(ids),
            or_(
                col(Image.status) == ImageStatus.PENDING,
                and_(
                    col(Image.status) == ImageStatus.PROCESSING,
                    col(Image.status_at) < work.now - CHECK_LIFETIME,
                ),
            ),
        )
        .values(status=ImageStatus.PROCESSING, status_at=work.now)
        .returning(Image)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(begun, key=lambda image: ids.index(image.id))


async def _check(context: Context, image: Image) -> None:
    """Looks at the bytes, moves those that are good to where they are served, and says how it ended."""
    try:
        async with context.parts.checks:
            verdict = await _verdict(context.parts, image)
    except BaseException:
        # Also when whoever waited for it has gone: then it is for the next who asks.
        await asyncio.shield(_release(context, image))
        raise
    unwanted = [image.upload_key]
    async with context.work() as work:
        book = await work.session.scalar(select(Book).where(col(Book.id) == image.book_id).with_for_update())
        checked = await work.session.get(Image, image.id, populate_existing=True)
        if book is None or checked is None:
            # Deleted meanwhile: what was stored for it goes too.
            unwanted.append(image.key)
        elif checked.status == ImageStatus.PROCESSING:
            checked.status_at = work.now
            if isinstance(verdict, str):
                checked.status, checked.failure_reason = ImageStatus.FAILED, verdict
            else:
                checked.status = ImageStatus.READY
                checked.width, checked.height = verdict.width, verdict.height
            await work.announce(book, ImagesChanged(book_id=book.id, images=[checked]))
    try:
        await context.parts.objects.delete(unwanted)
    except Unavailable:
        # It has ended as it has; what is left lies where no address leads.
        _log.warning("what was checked stays in quarantine", keys=unwanted)


async def _release(context: Context, image: Image) -> None:
    """Lets a check that could not be made be begun again at once."""
    async with context.work() as work:
        await work.session.execute(
            update(Image)
            .where(
                col(Image.id) == image.id,
                col(Image.status) == ImageStatus.PROCESSING,
                col(Image.status_at) == image.status_at,
            )
            .values(status_at=work.now - CHECK_LIFETIME)
        )


async def _verdict(parts: Parts, image: Image) -> Picture | str:
    """What the picture is, once its bytes are where they are served; or why it is refused."""
    with NamedTemporaryFile(prefix="leporello-") as temporary:
        # The file itself: its wrapper is no file to those who send it.
        file = cast(BinaryIO, temporary.file)
        try:
            received = await parts.objects.read_into(image.upload_key, file, limit=image.size)
            if received.size != image.size:
                return "The file is not as long as declared."
            if received.sha256 != image.sha256:
                return "The bytes are not those declared: their SHA-256 is another."
            picture = await parts.pictures.inspect(Path(temporary.name), image.content_type)
        except NoSuchObject:
            return "The bytes are gone from the bucket."
        except TooLarge:
            return "The file is longer than declared."
        except NotAPicture as refused:
            return str(refused)
        await parts.objects.store(
            image.key,
            file,
            content_type=image.content_type,
            content_disposition=disposition("attachment", image.filename),
            cache_control="private, max-age=31536000, immutable",
            sha256=image.sha256,
        )
    return picture
