"""The journal of a book: its committed changes, numbered, and the facts that they were."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

import orjson
from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from models.columns import Json, moment, now, reference, text
from models.element import BARE_WEIGHT, Element
from models.image import Image
from models.member import Member
from models.page import Page

#: Bytes of JSON that an event says at most; of a larger one only that the book is to be read anew. With what a
#: client asks of it besides, it stays below the mebibyte at which common websocket clients refuse a message.
PAYLOAD_LIMIT: Final = 512 * 1024
RESYNC: Final = "Resync"
#: Elements, about, of which one event has room to tell.
PLACEMENTS: Final = PAYLOAD_LIMIT // BARE_WEIGHT


class Event(SQLModel, table=True):
    """One committed change: (book, seq) has no holes. `payload` is what a fact says, as JSON."""

    __tablename__ = "events"
    __table_args__ = (Index("events_by_actor", "actor_id"),)

    book_id: UUID = Field(foreign_key="books.id", ondelete="CASCADE", primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str = text()
    payload: dict[str, Any] = Field(sa_type=JSON)
    actor_id: UUID | None = reference("users.id", ondelete="SET NULL", nullable=True)
    batch_id: str | None = text(default=None)
    at: datetime = moment(default_factory=now)


class Batch(SQLModel, table=True):
    """The first answer to a batch of operations: what a repeat gets, without a second effect."""

    __tablename__ = "batches"
    __table_args__ = (Index("batches_by_user", "user_id"),)

    book_id: UUID = Field(foreign_key="books.id", ondelete="CASCADE", primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE", primary_key=True)
    batch_id: str = text(primary_key=True)
    #: SHA-256 of the operations.
    digest: bytes
    seq: int
    #: For each operation its status, and the id of the element or page that it was about.
    results: list[dict[str, str | None]] = Field(sa_type=Json)
    at: datetime = moment(default_factory=now)


@dataclass(kw_only=True)
class Fact:
    """What happened to a book; a work announces it and gives it its seq."""

    kind: ClassVar[str]
    book_id: UUID

    def payload(self) -> dict[str, Any]:
        return {}

    def written(self) -> tuple[str, bytes]:
        """The kind and the payload of its event, in JSON: a Resync, when it is too large to send."""
        payload = orjson.dumps(self.payload())
        return (self.kind, payload) if len(payload) <= PAYLOAD_LIMIT else (RESYNC, b"{}")

    def told(self) -> tuple[str, dict[str, Any]]:
        """The same, with the payload as a row has it."""
        kind, payload = self.written()
        return kind, orjson.loads(payload)


@dataclass(kw_only=True)
class CanvasChanged(Fact):
    kind = "CanvasChanged"
    elements: Iterable[Element] = ()
    deleted_element_ids: Iterable[UUID] = ()
    pages: Iterable[Page] = ()
    deleted_page_ids: Iterable[UUID] = ()

    def payload(self) -> dict[str, Any]:
        return {
            "elements": [element.told() for element in self.elements],
            "deleted_element_ids": [str(id) for id in self.deleted_element_ids],
            "pages": [page.told() for page in self.pages],
            "deleted_page_ids": [str(id) for id in self.deleted_page_ids],
        }


@dataclass(kw_only=True)
class ImagesChanged(Fact):
    kind = "ImagesChanged"
    images: Iterable[Image] = ()
    deleted_image_ids: Iterable[UUID] = ()
    #: Placements that came back with their images, or went with them.
    elements: Iterable[Element] = ()
    deleted_element_ids: Iterable[UUID] = ()

    def payload(self) -> dict[str, Any]:
        return {
            "images": [image.told() for image in self.images],
            "deleted_image_ids": [str(id) for id in self.deleted_image_ids],
            "elements": [element.told() for element in self.elements],
            "deleted_element_ids": [str(id) for id in self.deleted_element_ids],
        }


@dataclass(kw_only=True)
class MembersChanged(Fact):
    kind = "MembersChanged"
    members: list[Member] = field(default_factory=list)
    removed_user_ids: list[UUID] = field(default_factory=list)

    def payload(self) -> dict[str, Any]:
        return {
            "members": [member.model_dump(mode="json") for member in self.members],
            "removed_user_ids": [str(id) for id in self.removed_user_ids],
        }


@dataclass(kw_only=True)
class BookChanged(Fact):
    """Title, description, cover, visibility or trash; the book is read as it is now."""

    kind = "BookChanged"


@dataclass(kw_only=True)
class MuchChanged(Fact):
    """More than one event has room for: the book is to be read anew."""

    kind = RESYNC


#: What this program can tell; a newer one that runs beside it may write other kinds.
KINDS: Final = frozenset(fact.kind for fact in (CanvasChanged, ImagesChanged, MembersChanged, BookChanged))
