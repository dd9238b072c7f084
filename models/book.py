"""Books."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from models.columns import moment, now, one_of, reference, text
from models.id import new_id
from models.line import checked_line
from models.refusal import Invalid

TITLE_LENGTH: Final = 100
DESCRIPTION_LENGTH: Final = 2_000
#: How long what is deleted can be brought back.
TRASH_LIFETIME: Final = timedelta(days=30)
MEMBERS_LIMIT: Final = 200
PAGES_LIMIT: Final = 1_000
ELEMENTS_LIMIT: Final = 10_000
#: Bytes, about, of all elements of a book: what a client that reads the whole book has to take.
WEIGHT_LIMIT: Final = 64 * 2**20


class Visibility(StrEnum):
    PRIVATE = "PRIVATE"
    PUBLIC = "PUBLIC"


class Book(SQLModel, table=True):
    """A picture book. Its `seq` counts its committed changes, and is raised under this row's lock."""

    __tablename__ = "books"
    __table_args__ = (
        one_of("visibility", Visibility),
        Index("books_made_once", "created_by", "client_id", unique=True),
        # use_alter: books and images know each other.
        ForeignKeyConstraint(
            ["cover_image_id"], ["images.id"], name="books_cover", ondelete="SET NULL", use_alter=True
        ),
        Index("books_by_cover", "cover_image_id", postgresql_where=sql("cover_image_id IS NOT NULL")),
        Index("books_to_purge", "deleted_at", postgresql_where=sql("deleted_at IS NOT NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    title: str = text()
    description: str | None = text(default=None)
    visibility: str = text(default=Visibility.PRIVATE)
    cover_image_id: UUID | None = None
    seq: int = 0
    #: About how many bytes its elements take; raised and lowered with them.
    weight: int = Field(default=0, sa_type=BigInteger)
    epoch: str = text(default_factory=lambda: uuid4().hex)
    created_by: UUID | None = reference("users.id", ondelete="SET NULL", nullable=True)
    client_id: UUID | None = None
    created_at: datetime = moment(default_factory=now)
    updated_at: datetime = moment(default_factory=now)
    deleted_at: datetime | None = moment(default=None)


def checked_title(title: str, *path: str) -> str:
    """Raises Invalid for a title that is empty, too long or no line."""
    return checked_line(title, "A title", TITLE_LENGTH, *path)


def checked_description(description: str | None, *path: str) -> str | None:
    """Raises Invalid for a description that is too long."""
    if description is not None and len(description) > DESCRIPTION_LENGTH:
        raise Invalid(f"A description has at most {DESCRIPTION_LENGTH:,} characters.", *path)
    return description
