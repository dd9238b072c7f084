"""What subscriptions tell."""

from datetime import datetime
from typing import Any

import strawberry

import models
from models.event import RESYNC
from resolvers.event import Told
from resolvers.shelf import Shelved
from schema.base import Info, seen_book, shows
from schema.book import Book
from schema.element import Element
from schema.image import Image
from schema.invitation import Invitation
from schema.member import Member
from schema.page import Page
from schema.user import User


def _ids(kind: str, name: str, description: str | None = None) -> Any:
    def resolve(root: Any) -> list[strawberry.ID]:
        return [strawberry.ID(f"{kind}_{id}") for id in root.payload.get(name, ())]

    return strawberry.field(resolver=resolve, description=description)


@strawberry.interface(
    description=(
        "A committed change. Every subscriber gets every seq, each one more than the last; what they may not see comes "
        "empty. A kind that a client does not know means: read the book again."
    )
)
class BookEvent:
    seq: int = shows("The book's number of this change.")
    at: datetime = shows("When it was made.")
    batch_id: str | None = shows("The client's batchId, so that it can tell its own change.")

    @strawberry.field
    def book_id(root: strawberry.Parent[Told]) -> strawberry.ID:
        return strawberry.ID(f"bk_{root.book_id}")

    @strawberry.field(description="Null for the system.")
    async def actor(root: strawberry.Parent[Told], info: Info) -> User | None:
        return await info.context.load.user(root.actor_id) if root.actor_id else None

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, Told) and obj.kind == cls.__name__


@strawberry.type(
    description=(
        "Elements and pages as they are after the change, and the ids of those that went; the elements of a deleted "
        "page are among deletedElementIds. Their own fields are as of `seq`; what is reached through them is as now."
    )
)
class CanvasChanged(BookEvent):
    deleted_element_ids: list[strawberry.ID] = _ids("el", "deleted_element_ids")
    deleted_page_ids: list[strawberry.ID] = _ids("pg", "deleted_page_ids")

    @strawberry.field
    def elements(root: strawberry.Parent[Told]) -> list[Element]:
        return [models.Element.heard(told) for told in root.payload["elements"]]  # type: ignore[misc]

    @strawberry.field
    def pages(root: strawberry.Parent[Told]) -> list[Page]:
        return [models.Page.heard(root.book_id, told) for told in root.payload["pages"]]  # type: ignore[misc]


@strawberry.type(description="Images whose bytes came, were checked or were refused.")
class ImagesChanged(BookEvent):
    deleted_image_ids: list[strawberry.ID] = _ids("im", "deleted_image_ids")
    deleted_element_ids: list[strawberry.ID] = _ids(
        "el", "deleted_element_ids", "Placements that went with their images."
    )

    @strawberry.field
    def images(root: strawberry.Parent[Told]) -> list[Image]:
        return [models.Image.heard(told) for told in root.payload["images"]]  # type: ignore[misc]

    @strawberry.field(description="Placements that came back with their images.")
    def elements(root: strawberry.Parent[Told]) -> list[Element]:
        return [models.Element.heard(told) for told in root.payload.get("elements", ())]  # type: ignore[misc]


@strawberry.type(description="Joined, left, another role.")
class MembersChanged(BookEvent):
    removed_user_ids: list[strawberry.ID] = _ids("us", "removed_user_ids")

    @strawberry.field
    def members(root: strawberry.Parent[Told]) -> list[Member]:
        told = root.payload.get("members", ())
        return [models.Member.model_validate(member) for member in told]  # type: ignore[misc]


@strawberry.type(description="Title, description, cover, visibility, trash.")
class BookChanged(BookEvent):
    @strawberry.field(description="As it is now.")
    async def book(root: strawberry.Parent[Told], info: Info) -> Book:
        return await seen_book(info, root.book_id)


@strawberry.type(
    description=(
        "What was missed is no longer kept, belongs to another epoch, or is too large to send: read the book, take its "
        "seq and epoch, and drop events up to that seq. `seq` may be lower than yours."
    )
)
class Resync(BookEvent):
    epoch: str

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, Told) and obj.kind == RESYNC


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
