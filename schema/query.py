"""What can be read."""

from typing import Any

import strawberry

from models import Role
from models.id import inside
from resolvers import book, node, user
from schema.base import Info, Node, sent
from schema.book import Book
from schema.connection import Connection
from schema.user import Viewer


@strawberry.type
class BookConnection(Connection[Book]):
    pass


@strawberry.type
class Query:
    @strawberry.field(description="Anything that has an id; null when it is not there or may not be seen.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        [found] = await node.several(info.context, [id])
        return found

    @strawberry.field(description="At most 100, in their order.")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        return await node.several(info.context, [*ids])

    @strawberry.field(description="The caller. Null when nobody is signed in.")
    async def viewer(self, info: Info) -> Viewer | None:
        return await user.viewer(info.context)  # type: ignore[return-value]

    @strawberry.field(description="One book; null with NOT_FOUND when it is not there or may not be seen.")
    async def book(self, info: Info, id: strawberry.ID) -> Book | None:
        return await book.one(info.context, inside("bk", id))  # type: ignore[return-value]

    @strawberry.field(description="The viewer's books, newest change first; `first` is 1 to 100, 20 unless said.")
    async def books(
        self,
        info: Info,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        role: Role | None = strawberry.UNSET,
        trashed: bool | None = strawberry.UNSET,
    ) -> BookConnection | None:
        rows: Any = await book.mine(
            info.context, first=sent(first), after=sent(after), role=sent(role), trashed=bool(sent(trashed))
        )
        return BookConnection(rows=rows)
