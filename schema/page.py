"""The sheets of a book."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from sqlalchemy import and_

import models
from models.book import ELEMENTS_LIMIT
from resolvers import access
from schema.base import Color, Node, book_of, id_of, shows
from schema.plan.source import Many, Row, declared, stands_for

if TYPE_CHECKING:
    from schema.book import Book
    from schema.element import Element


@stands_for(Row(models.Page, "pg", lambda page, asked: access.page_is_seen(asked.viewer_id, page)))
@strawberry.type(description="A sheet of the book. Without width and height it is an infinite canvas.")
class Page(Node):
    id: strawberry.ID = id_of("pg")
    name: str | None = shows("At most 100 characters.")
    order_key: str = shows("Fractional index: pages of a book sort by (orderKey, id), in reading order.")
    width: float | None = shows("In canvas units.")
    height: float | None = shows("In canvas units.")
    background: Color | None
    book: Annotated["Book", strawberry.lazy("schema.book")] = book_of()
    elements: list[Annotated["Element", strawberry.lazy("schema.element")]] = declared(
        Many(
            lambda page, element, asked: and_(element.page_id == page.id, element.deleted_at.is_(None)),
            lambda element: (element.order_key, element.id),
        ),
        "Back to front.",
        cap=ELEMENTS_LIMIT,
        once_a="book",
    )
