"""What lies on a page."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import and_

import models
from models import ElementKind, TextAlign
from resolvers import access
from schema.base import Color, Node, book_of, id_of, of, person, reference, shows
from schema.image import Image
from schema.page import Page
from schema.plan.source import Embedded, Row, declared, stands_for
from schema.user import User

if TYPE_CHECKING:
    from schema.book import Book


def _stands_for(kind: ElementKind | None) -> Any:
    return stands_for(
        Row(models.Element, "el", lambda element, asked: access.element_is_seen(asked.viewer_id, element), kind)
    )


@_stands_for(None)
@strawberry.interface(
    description="One thing on a page. Lengths are in canvas units, angles in radians; x and y are its centre."
)
class Element(Node):
    id: strawberry.ID = id_of("el")
    page_id: strawberry.ID = reference("pg", "page_id", "The page that it lies on.")
    x: float
    y: float
    width: float
    height: float
    scale_x: float
    scale_y: float
    angle: float = shows("Radians.")
    opacity: float = shows("0 to 1.")
    order_key: str = shows("Fractional index: elements of a page sort by (orderKey, id), back to front.")
    locked: bool = shows("A sign for people not to move it; the server does not mind.")
    seq: int = shows("The book's seq when this element last changed.")
    created_at: datetime
    updated_at: datetime
    book: Annotated["Book", strawberry.lazy("schema.book")] = book_of()
    page: Page | None = of(
        lambda element, page, asked: and_(page.id == element.page_id, page.deleted_at.is_(None)),
        "Null in an event whose page is gone by now.",
    )
    created_by: User | None = person("created_by")
    updated_by: User | None = person("updated_by")


@strawberry.type(description="The part of an image that shows, as fractions of its size.")
class Crop:
    x: float
    y: float
    width: float
    height: float


@strawberry.type
class Point:
    x: float
    y: float


@_stands_for(ElementKind.IMAGE)
@strawberry.type(description="One placement of an image; the same image can be placed many times.")
class ImageElement(Element):
    corner_radius: float
    image_id: strawberry.ID | None = reference("im", "image_id", "Null is an empty slot, waiting for a photo.")
    image: Image | None = of(
        lambda element, image, asked: and_(image.id == element.image_id, image.deleted_at.is_(None)),
        "Null for a slot, and in an event whose image is gone by now.",
    )
    crop: Crop | None = declared(Embedded(), "The part of the image that shows; null is all of it.")


@_stands_for(ElementKind.TEXT)
@strawberry.type(description="Words.")
class TextElement(Element):
    content: str = shows("At most 20,000 characters.")
    font_size: float = shows("In canvas units.")
    font_family: str | None
    color: Color
    align: TextAlign


@_stands_for(ElementKind.RECTANGLE)
@strawberry.type
class RectangleElement(Element):
    fill: Color | None
    stroke: Color | None
    stroke_width: float
    corner_radius: float


@_stands_for(ElementKind.CIRCLE)
@strawberry.type(description="An ellipse, where width and height differ.")
class CircleElement(Element):
    fill: Color | None
    stroke: Color | None
    stroke_width: float


@_stands_for(ElementKind.DRAWING)
@strawberry.type(description="A line drawn by hand.")
class DrawingElement(Element):
    stroke: Color | None
    stroke_width: float
    points: list[Point] = declared(Embedded(), "2 to 10,000, relative to the centre.")


KINDS = [ImageElement, TextElement, RectangleElement, CircleElement, DrawingElement]
