"""Invitations to a book."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models import Role
from schema.base import Info, Node, id_of, reference, shows
from schema.user import User

if TYPE_CHECKING:
    from schema.book import Book


@strawberry.type(description="An open offer of a place in a book, to an address. Good for 14 days.")
class Invitation(Node):
    id: strawberry.ID = id_of("in")
    book_id: strawberry.ID = reference("bk", "book_id", "What it is to.")
    email: str = shows("The address that was invited.")
    role: Role
    created_at: datetime = shows("When it was sent, or sent anew.")
    expires_at: datetime = shows("Until when it can be accepted.")

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, models.Invitation)

    @strawberry.field(description="The book's title, to know what it is to.")
    async def book_title(root: strawberry.Parent[models.Invitation], info: Info) -> str:
        return await info.context.load.title(root.book_id)

    @strawberry.field(description="Null for the invited until they accept, unless it is public.")
    async def book(
        root: strawberry.Parent[models.Invitation], info: Info
    ) -> Annotated["Book", strawberry.lazy("schema.book")] | None:
        return await info.context.load.book(root.book_id)

    @strawberry.field(description="Null when they are gone.")
    async def invited_by(root: strawberry.Parent[models.Invitation], info: Info) -> User | None:
        return await info.context.load.user(root.invited_by) if root.invited_by else None
