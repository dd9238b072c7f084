"""What subscriptions tell."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import and_, cast, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

import models
from models.event import PLACEMENTS, RESYNC
from models.image import FILES_LIMIT
from models.operation import BATCH
from resolvers import access
from resolvers.shelf import Shelved
from schema.base import book_of, person, reference, shows
from schema.book import Book
from schema.element import Element
from schema.image import Image
from schema.invitation import Invitation
from schema.member import Member
from schema.page import Page
from schema.plan.source import Computed, References, Row, Told, declared, stands_for
from schema.plan.values import completed
from schema.user import User


def _stands_for(kind: str | None) -> Any:
    # No door: whoever follows a book is let in, or not, before they are told anything.
    return stands_for(Row(models.Event, None, None, kind))


def _payload(event: Any) -> Any:
    return cast(event.payload, JSONB)


def _ids(kind: str, name: str, description: str | None = None) -> Any:
    return declared(References(kind, lambda event: _payload(event)[name]), description)


def _rows(name: str, model: Any, description: str | None = None, *, cap: int = BATCH[1], **options: Any) -> Any:
    """What one change tells of: no more than one batch, or one upload, can touch."""
    # An older program may not have known all columns.
    told = Told(lambda event: completed(model, _payload(event)[name], book_id=event.book_id), **options)
    return declared(told, description, cap=cap, once_a="book")


def _is_there(event: Any, image: Any) -> Any:
    """That the image is no longer, or not yet, in the trash: the journal may tell of it as it was."""
    now: Any = aliased(models.Image)
    found = select(1).where(now.id == image.id, now.book_id == event.book_id, now.deleted_at.is_(None))
    return found.correlate_except(now).exists()


def _is_somebody(member: Any) -> Any:
    """That the member's account is not gone since: the journal tells of who was there."""
    person: Any = aliased(models.User)
    found = select(1).where(person.id == member.user_id)
    return found.correlate_except(person).exists()


@_stands_for(None)
@strawberry.interface(
    description=(
        "A committed change. Every subscriber gets every seq, each one more than the last; what they may not see comes "
        "empty. A kind that a client does not know means: read the book again."
    )
)
class BookEvent:
    book_id: strawberry.ID = reference("bk", "book_id")
    seq: int = shows("The book's number of this change.")
    at: datetime = shows("When it was made.")
    actor: User | None = person("actor_id", "Null for the system.")
    batch_id: str | None = shows("The client's batchId, so that it can tell its own change.")


@_stands_for("CanvasChanged")
@strawberry.type(
    description=(
        "Elements and pages as they are after the change, and the ids of those that went; the elements of a deleted "
        "page are among deletedElementIds. Their own fields are as of `seq`; what is reached through them is as now."
    )
)
class CanvasChanged(BookEvent):
    elements: list[Element] = _rows("elements", models.Element)
    deleted_element_ids: list[strawberry.ID] = _ids("el", "deleted_element_ids")
    pages: list[Page] = _rows("pages", models.Page)
    deleted_page_ids: list[strawberry.ID] = _ids("pg", "deleted_page_ids")


@_stands_for("ImagesChanged")
@strawberry.type(description="Images that came, were checked, refused, captioned, thrown away or brought back.")
class ImagesChanged(BookEvent):
    images: list[Image] = _rows(
        "images",
        models.Image,
        "Without those that are in the trash by now, of which a later event tells.",
        cap=FILES_LIMIT,
        where=lambda event, image, asked: _is_there(event, image),
    )
    deleted_image_ids: list[strawberry.ID] = _ids("im", "deleted_image_ids")
    elements: list[Element] = _rows(
        "elements", models.Element, "Placements that came back with their images.", cap=PLACEMENTS
    )
    deleted_element_ids: list[strawberry.ID] = _ids(
        "el", "deleted_element_ids", "Placements that went with their images."
    )


@_stands_for("MembersChanged")
@strawberry.type(description="Joined, left, another role.")
class MembersChanged(BookEvent):
    members: list[Member] = _rows(
        "members",
        models.Member,
        "Without those whose account is gone by now, of which a later event tells.",
        where=lambda event, member, asked: and_(
            access.is_member(asked.insider_id, event.book_id), _is_somebody(member)
        ),
    )
    removed_user_ids: list[strawberry.ID] = _ids("us", "removed_user_ids")


@_stands_for("BookChanged")
@strawberry.type(description="Title, description, cover, visibility, trash.")
class BookChanged(BookEvent):
    book: Book = book_of("As it is now.")


@_stands_for(RESYNC)
@strawberry.type(
    description=(
        "What was missed is no longer kept, belongs to another epoch, or is too large to send: read the book, take its "
        "seq and epoch, and drop events up to that seq. `seq` may be lower than yours."
    )
)
class Resync(BookEvent):
    epoch: str = declared(Computed(lambda event, asked: _payload(event)["epoch"].astext))


@strawberry.type(description="What became of a book in the viewer's list.")
class MyBooksEvent:
    invitation: Invitation | None

    @strawberry.field
    def book_id(root: strawberry.Parent[Shelved]) -> strawberry.ID:
        return strawberry.ID(f"bk_{root.book_id}")

    @strawberry.field(
        description="Null when the viewer is no longer a member, is only invited, or the book is in the trash."
    )
    def book(root: strawberry.Parent[Shelved]) -> Book | None:
        return root.book  # type: ignore[return-value]


KINDS = [CanvasChanged, ImagesChanged, MembersChanged, BookChanged, Resync]
