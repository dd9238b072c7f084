"""What lies in the bucket of a photo: the file that was put, and what is made of it."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from models.columns import moment, now, text
from models.id import new_id

#: What the keys of all of them begin with.
PREFIX: Final = "images/"


class Part(StrEnum):
    """One file of an object, by the last piece of its key."""

    ORIGINAL = "original"
    THUMBNAIL = "thumbnail"
    PREVIEW = "preview"
    STRIPPED = "stripped"


class StoredObject(SQLModel, table=True):
    """The bytes of one photo, which the images of several books can share; it stays as long as one of them does.

    Its row is there before its bytes are, and its bytes go only after the row.
    """

    __tablename__ = "objects"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    created_at: datetime = moment(default_factory=now)
    #: Since when thumbnail, preview and stripped copy are there; until then there is the original at most.
    developed_at: datetime | None = moment(default=None)
    #: The content type of the stripped copy.
    stripped_type: str | None = text(default=None)
    #: Of all that was made of it, which takes room as the original does.
    made_bytes: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": sql("0")})


def key_of(object_id: UUID | str, part: Part = Part.ORIGINAL) -> str:
    """Where a part of it is; no ticket can write there."""
    return f"{PREFIX}{object_id}/{part}"


def keys_of(object_ids: Iterable[UUID | str]) -> list[str]:
    """Where all that may be there of them is."""
    return [key_of(id, part) for id in object_ids for part in Part]
