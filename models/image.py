"""Photographs: the file itself, apart from its placements."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Index, and_, false, or_
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel, col

from models.columns import moment, now, one_of, reference, text
from models.id import new_id
from models.object import key_of
from models.refusal import Invalid, NotFound, TooLarge, UnsupportedType

#: What a book takes, by its content type, and how a downloaded file is called.
EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/heic": "heic",
}
#: What browsers and phones call some of them as well.
ALIASES: Final = {"image/jpg": "image/jpeg", "image/heif": "image/heic", "image/heic-sequence": "image/heic"}
FILENAME_LENGTH: Final = 255
CAPTION_LENGTH: Final = 2_000
FILES_LIMIT: Final = 100
IMAGES_LIMIT: Final = 10_000
#: Of one person in one book, put or not: what they hold against the others.
PENDING_LIMIT: Final = 500
TICKET_LIFETIME: Final = timedelta(minutes=15)
#: How long after it was first asked for an image gets another ticket; then it goes, and what was put for it.
RENEWED_FOR: Final = timedelta(days=1)
#: How long it can be read why a photo was refused, and for how long that one counts as a photo of the book's.
FAILED_FOR: Final = timedelta(days=30)
FAILED_COUNTED: Final = timedelta(days=1)


class ImageStatus(StrEnum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"


class ImageVariant(StrEnum):
    THUMBNAIL = "THUMBNAIL"
    PREVIEW = "PREVIEW"
    ORIGINAL = "ORIGINAL"


class Image(SQLModel, table=True):
    """A file in the bucket, or one that may come; `size` in bytes, `width` and `height` as shown."""

    __tablename__ = "images"
    __table_args__ = (
        one_of("status", ImageStatus),
        Index("images_newest", "book_id", "id", postgresql_where=sql("deleted_at IS NULL")),
        Index("images_by_digest", "book_id", "sha256", postgresql_where=sql("deleted_at IS NULL")),
        Index("images_of_uploader", "uploader_id", postgresql_where=sql("uploader_id IS NOT NULL")),
        Index("images_of_object", "object_id"),
        Index("images_of_book", "book_id", "deleted_at"),
        Index("images_to_purge", "deleted_at", postgresql_where=sql("deleted_at IS NOT NULL")),
        Index("images_to_expire", "status_at", "id", postgresql_where=sql("status = 'PENDING'")),
        Index("images_that_failed", "status_at", "id", postgresql_where=sql("status = 'FAILED'")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    book_id: UUID = reference("books.id", ondelete="CASCADE")
    #: What it has in the bucket, which images of other books may have as well.
    object_id: UUID = Field(foreign_key="objects.id")
    uploader_id: UUID | None = reference("users.id", ondelete="SET NULL", nullable=True)
    status: str = text(default=ImageStatus.PENDING)
    status_at: datetime = moment(default_factory=now)
    failure_reason: str | None = text(default=None)
    filename: str = text()
    content_type: str = text()
    size: int = Field(sa_type=BigInteger)
    sha256: str = text()
    width: int | None = None
    height: int | None = None
    thumbhash: str | None = text(default=None)
    taken_at: datetime | None = moment(default=None)
    caption: str | None = text(default=None)
    created_at: datetime = moment(default_factory=now)
    deleted_at: datetime | None = moment(default=None)

    @property
    def upload_key(self) -> str:
        """Where a ticket lets its bytes be put; never served."""
        return f"quarantine/{self.id}"

    @property
    def key(self) -> str:
        """Where the bytes are once they were checked; no ticket can write there."""
        return key_of(self.object_id)

    @staticmethod
    def is_listed_for(viewer_id: Any, image: Any = None) -> ColumnElement[bool]:
        """PENDING ones are for their uploader alone."""
        image = image or Image
        return or_(col(image.status) != ImageStatus.PENDING, Image.is_by(viewer_id, image))

    @staticmethod
    def is_by(viewer_id: Any, image: Any = None) -> ColumnElement[bool]:
        """That the viewer uploaded it; nobody did not upload those of people who are gone."""
        return false() if viewer_id is None else col((image or Image).uploader_id) == viewer_id

    @staticmethod
    def is_of(book_id: UUID) -> ColumnElement[bool]:
        """That it is the book's own, and not in the trash."""
        return and_(col(Image.book_id) == book_id, col(Image.deleted_at).is_(None))

    def told(self) -> dict[str, Any]:
        """What an event says of it."""
        return self.model_dump(mode="json", exclude={"status_at"})

    @classmethod
    def heard(cls, told: dict[str, Any]) -> "Image":
        # An older program told of no object: the image's own id was its.
        return cls.model_validate({"object_id": told["id"], **told, "status_at": told["created_at"]})


_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def checked_use(status: str | None, *path: str) -> None:
    """That it can be placed in its book, or stand for it; None is none of the book's own. Raises NotFound."""
    if status is None:
        raise NotFound("There is no such photo in this book.", *path)
    if status == ImageStatus.FAILED:
        raise NotFound("This photo is FAILED, for its failureReason: there is nothing to show.", *path)


def checked_filename(name: str, *path: str) -> str:
    """Kept to be shown, never used as a path or a key. Raises Invalid."""
    name = name.strip()
    if not name or len(name) > FILENAME_LENGTH or _CONTROL.search(name):
        raise Invalid(f"A file name has 1 to {FILENAME_LENGTH} characters, none of them a control.", *path)
    return name


def checked_caption(caption: str | None, *path: str) -> str | None:
    """Without the space around it; none where nothing is left. Raises Invalid for one that is too long."""
    caption = (caption or "").strip()
    if len(caption) > CAPTION_LENGTH:
        raise Invalid(f"A caption has at most {CAPTION_LENGTH:,} characters.", *path)
    return caption or None


def checked_type(content_type: str, *path: str) -> str:
    """By its one name. Raises UnsupportedType."""
    content_type = ALIASES.get(content_type, content_type)
    if content_type not in EXTENSIONS:
        raise UnsupportedType(f"A photo is one of {', '.join(EXTENSIONS)}.", *path)
    return content_type


def checked_size(size: int, *path: str, most: int) -> int:
    """Raises Invalid for an empty file, TooLarge above `most` bytes."""
    if size < 1:
        raise Invalid("A file has at least one byte.", *path)
    if size > most:
        raise TooLarge(f"A photo has at most {most / 2**20:g} MiB.", *path)
    return size


def checked_digest(sha256: str, *path: str) -> str:
    """Raises Invalid for what is not a SHA-256 in lower-case hex."""
    if not _DIGEST.match(sha256):
        raise Invalid("The sha256 of the bytes, in lower-case hex, is needed.", *path)
    return sha256
