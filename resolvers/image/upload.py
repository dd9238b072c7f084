"""Photos that are to come: tickets to put them into the bucket."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlmodel import col

from models import Book, Image, ImageStatus, Role, StoredObject
from models.id import new_id
from models.image import (
    FILES_LIMIT,
    PENDING_LIMIT,
    RENEWED_FOR,
    TICKET_LIFETIME,
    checked_digest,
    checked_filename,
    checked_size,
    checked_type,
)
from models.refusal import Invalid, Refusal, Refusals
from resolvers import access
from resolvers.context import Context
from resolvers.image import quota
from resolvers.work import Work
from storage.objects import Ticket

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
    """A ticket for each file, in their order. Raises Refusals with all that is wrong with them, LimitReached."""
    if not 1 <= len(files) <= FILES_LIMIT:
        raise Invalid(f"1 to {FILES_LIMIT} files at once.", "input", "files")
    checked = _checked(files, context.parts.upload_limit)
    viewer_id = context.viewer.user_id
    async with context.work() as work:
        seat = await access.book(work, viewer_id, book_id, Role.CONTRIBUTOR, "input", "bookId")
        images = await _images(work, seat.book, viewer_id, checked)
        quotas = context.parts.quotas
        await quota.hold(work, seat.book, viewer_id, quotas, "input", "files", promises=PENDING_LIMIT)
        await work.show({"im": [image.id for image in images]})
    uploads = []
    for image in images:
        pending = image.status == ImageStatus.PENDING
        uploads.append(Upload(image, _ticket(context, image) if pending else None))
    return uploads


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
            or_(
                col(Image.status).in_([ImageStatus.PROCESSING, ImageStatus.READY]),
                and_(
                    col(Image.status) == ImageStatus.PENDING,
                    Image.is_by(viewer_id),
                    col(Image.created_at) > work.now - RENEWED_FOR,
                ),
            ),
        )
        # Of several the one whose bytes are good, or else there: the last one counts.
        .order_by(col(Image.status) == ImageStatus.READY, col(Image.status) != ImageStatus.PENDING, col(Image.id))
    )
    # A size that is another is another promise: the first one's ticket is good for as many bytes as it says.
    by_file = {_told_apart(image): image for image in held}
    new: list[Image] = []
    images: list[Image] = []
    for file in files:
        told = (file.sha256, None, None), (file.sha256, file.content_type, None), (file.sha256, None, file.size)
        image = next((by_file[each] for each in told if each in by_file), None)
        if image is None:
            id = new_id()
            image = Image(
                id=id, book_id=book.id, object_id=id, uploader_id=viewer_id, created_at=work.now, **asdict(file)
            )
            new.append(image)
            by_file[_told_apart(image)] = image
        elif image.status == ImageStatus.PENDING:
            for name, value in asdict(file).items():
                setattr(image, name, value)
            image.status_at = work.now
        images.append(image)
    work.session.add_all(StoredObject(id=image.object_id, created_at=work.now) for image in new)
    await work.session.flush()
    work.session.add_all(new)
    return images


def _told_apart(image: Image) -> tuple[str, str | None, int | None]:
    """Its digest; while it may still fail for it its type, and while nothing but a promise is known of it its size."""
    match image.status:
        case ImageStatus.PROCESSING:
            return image.sha256, image.content_type, None
        case ImageStatus.PENDING:
            return image.sha256, None, image.size
    return image.sha256, None, None


def _ticket(context: Context, image: Image) -> Ticket:
    return context.parts.objects.ticket(
        image.upload_key,
        content_type=image.content_type,
        size=image.size,
        sha256=image.sha256,
        lifetime=TICKET_LIFETIME,
    )
