"""Books."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

import models
from models import Role, Visibility
from models.id import inside
from models.refusal import NotFound
from resolvers import image
from resolvers.connection import Slice
from schema.base import Info, Node, id_of, sent, shows
from schema.connection import Connection
from schema.element import Element
from schema.image import Image
from schema.invitation import Invitation
from schema.member import Member
from schema.page import Page
from schema.user import User


@strawberry.enum(description="Whose photos.")
class ImageUploaderFilter(Enum):
    ANYONE = "ANYONE"
    VIEWER = "VIEWER"


@strawberry.type
class ImageConnection(Connection[Image]):
    pass


@strawberry.type(description="A picture book: pages with elements, and the people who make it.")
class Book(Node):
    id: strawberry.ID = id_of("bk")
    title: str = shows("1 to 100 characters.")
    description: str | None = shows("At most 2,000 characters.")
    visibility: Visibility
    seq: int = shows("The number of the last committed change; `bookEvents(after:)` continues from it.")
    epoch: str = shows(
        "Changes when the history itself was replaced (a restored backup): a seq counts only within its epoch."
    )
    created_at: datetime
    updated_at: datetime = shows("When its last change was committed.")
    deleted_at: datetime | None = shows("Since when it is in the trash.")

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, models.Book)

    @strawberry.field(description="The photo that stands for it.")
    async def cover(root: strawberry.Parent[models.Book], info: Info) -> Image | None:
        return await info.context.load.image(root.cover_image_id) if root.cover_image_id else None

    @strawberry.field(description="Null for who reads a public book without belonging to it.")
    async def viewer_role(root: strawberry.Parent[models.Book], info: Info) -> Role | None:
        role = await info.context.load.role(root.id)
        return Role(role) if role else None

    @strawberry.field(description="The member who has been OWNER longest.")
    async def owner(root: strawberry.Parent[models.Book], info: Info) -> User:
        return await info.context.load.owner(root.id)

    @strawberry.field(description="In reading order, at most 1,000. A book is born with one page, which is infinite.")
    async def pages(root: strawberry.Parent[models.Book], info: Info) -> list[Page]:
        return await info.context.load.pages(root.id)

    @strawberry.field(description="One of its pages.")
    async def page(root: strawberry.Parent[models.Book], info: Info, id: strawberry.ID) -> Page | None:
        page_id = inside("pg", id)
        page = await info.context.load.page(page_id) if page_id else None
        if page is None or page.book_id != root.id:
            raise NotFound
        return page

    @strawberry.field(description="Back to front, over all pages; at most 10,000.")
    async def elements(root: strawberry.Parent[models.Book], info: Info) -> list[Element]:
        return await info.context.load.elements_of_book(root.id)

    @strawberry.field
    async def element_count(root: strawberry.Parent[models.Book], info: Info) -> int:
        return await info.context.load.element_count(root.id)

    @strawberry.field(description="Newest first; `first` is 1 to 100, 20 unless said.")
    async def images(
        root: strawberry.Parent[models.Book],
        info: Info,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        uploader: ImageUploaderFilter | None = strawberry.UNSET,
        trashed: bool | None = strawberry.UNSET,
    ) -> ImageConnection:
        rows: Slice[models.Image] = await image.of_book(
            info.context,
            root,
            first=sent(first),
            after=sent(after),
            by_viewer=sent(uploader) is ImageUploaderFilter.VIEWER,
            trashed=bool(sent(trashed)),
        )
        return ImageConnection(rows=rows)

    @strawberry.field(description="At most 200, oldest first; for members, empty for others.")
    async def members(root: strawberry.Parent[models.Book], info: Info) -> list[Member]:
        return await info.context.load.members(root.id)

    @strawberry.field(description="For members; 0 for others.")
    async def member_count(root: strawberry.Parent[models.Book], info: Info) -> int:
        return await info.context.load.member_count(root.id)

    @strawberry.field(description="Open ones, newest first. Owners only; empty for others.")
    async def invitations(root: strawberry.Parent[models.Book], info: Info) -> list[Invitation]:
        return await info.context.load.invitations(root.id)
