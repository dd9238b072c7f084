"""Who belongs to a book."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models import Role
from schema.base import Info, Node, id_of, seen_book, shows
from schema.user import User

if TYPE_CHECKING:
    from schema.book import Book


@strawberry.type(description="One person's place in one book.")
class Member(Node):
    id: strawberry.ID = id_of("mb")
    role: Role
    joined_at: datetime = shows("When they became a member.")

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, models.Member)

    @strawberry.field(description="Who it is.")
    async def user(root: strawberry.Parent[models.Member], info: Info) -> User:
        return await info.context.load.user(root.user_id)

    @strawberry.field(description="What they belong to.")
    async def book(
        root: strawberry.Parent[models.Member], info: Info
    ) -> Annotated["Book", strawberry.lazy("schema.book")]:
        return await seen_book(info, root.book_id)

    @strawberry.field(description="For owners and the member; null for others.")
    async def email(root: strawberry.Parent[models.Member], info: Info) -> str | None:
        if root.user_id != info.context.viewer_id and await info.context.load.role(root.book_id) != Role.OWNER:
            return None
        return await info.context.load.email(root.user_id)
