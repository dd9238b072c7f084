"""Lists that can grow, a slice at a time (Relay's cursor connections)."""

from typing import Any, Generic, TypeVar

import strawberry

from resolvers.connection import Slice

T = TypeVar("T")


@strawberry.type(description="Where a slice begins and ends in the whole list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Give it as `after` to go on from here.")
    node: T


@strawberry.type
class Connection(Generic[T]):
    """A slice of a list, for `first` rows (1 to 100, 20 unless said) after a cursor."""

    rows: strawberry.Private[Slice[Any]]

    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        return [Edge(cursor=cursor, node=row) for cursor, row in zip(self.rows.cursors, self.rows.rows, strict=True)]

    @strawberry.field
    def nodes(self) -> list[T]:
        return self.rows.rows

    @strawberry.field
    def page_info(self) -> PageInfo:
        cursors = self.rows.cursors
        return PageInfo(
            has_next_page=self.rows.has_next,
            has_previous_page=self.rows.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )

    @strawberry.field(description="Of the whole list.")
    async def total_count(self) -> int:
        return await self.rows.total()
