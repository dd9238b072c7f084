"""The sheets of a book."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from schema.base import Color, Info, Node, id_of, seen_book, shows

if TYPE_CHECKING:
    from schema.book import Book
    from schema.element import Element


@strawberry.type(description="A sheet of the book. Without width and height it is an infinite canvas.")
class Page(Node):
    id: strawberry.ID = id_of("pg")
    name: str | None = shows("At most 100 characters.")
    order_key: str = shows("Fractional index: pages of a book sort by (orderKey, id), in reading order.")
    width: float | None = shows("In canvas units.")
    height: float | None = shows("In canvas units.")
    background: Color | None

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, models.Page)

    @strawberry.field
    async def book(
        root: strawberry.Parent[models.Page], info: Info
    ) -> Annotated["Book", strawberry.lazy("schema.book")]:
        return await seen_book(info, root.book_id)

    @strawberry.field(description="Back to front.")
    async def elements(
        root: strawberry.Parent[models.Page], info: Info
    ) -> list[Annotated["Element", strawberry.lazy("schema.element")]]:
        return await info.context.load.elements_of_page(root.id)
