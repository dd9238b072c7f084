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
from models.refusal import Invalid, TooLarge, UnsupportedType

#: What a book takes, by its content type, and how a downloaded file is called.
EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/heic": "heic",
}
FILENAME_LENGTH: Final = 255
FILES_LIMIT: Final = 100
IMAGES_LIMIT: Final = 10_000
TICKET_LIFETIME: Final = timedelta(minutes=15)
#: When a check that never ended (its process died) may be begun again.
CHECK_LIFETIME: Final = timedelta(minutes=5)


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
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    book_id: UUID = reference("books.id", ondelete="CASCADE")
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
        return key_of(self.id)

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
    def is_usable_in(book_id: UUID) -> ColumnElement[bool]:
        """That it can be placed in the book, or stand for it: any of its own but a refused one."""
        return and_(
            col(Image.book_id) == book_id,
            col(Image.deleted_at).is_(None),
            col(Image.status) != ImageStatus.FAILED,
        )

    @staticmethod
    def is_held(at: datetime) -> ColumnElement[bool]:
        """That its bytes were good, or are being checked; a check that never ended holds nothing."""
        return or_(
            col(Image.status) == ImageStatus.READY,
            and_(col(Image.status) == ImageStatus.PROCESSING, col(Image.status_at) >= at - CHECK_LIFETIME),
        )

    def told(self) -> dict[str, Any]:
        """What an event says of it."""
        return self.model_dump(mode="json", exclude={"status_at"})

    @classmethod
    def heard(cls, told: dict[str, Any]) -> "Image":
        return cls.model_validate({**told, "status_at": told["created_at"]})


def key_of(id: UUID | str) -> str:
    """Where the bytes of an image are."""
    return f"images/{id}/original"


_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def checked_filename(name: str, *path: str) -> str:
    """Kept to be shown, never used as a path or a key. Raises Invalid."""
    name = name.strip()
    if not name or len(name) > FILENAME_LENGTH or _CONTROL.search(name):
        raise Invalid(f"A file name has 1 to {FILENAME_LENGTH} characters, none of them a control.", *path)
    return name


def checked_type(content_type: str, *path: str) -> str:
    """Raises UnsupportedType."""
    if content_type not in EXTENSIONS:
        raise UnsupportedType("A photo is a JPEG, PNG, WebP, GIF, AVIF or HEIC.", *path)
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
