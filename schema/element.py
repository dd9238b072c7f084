"""What lies on a page."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models import ElementKind, TextAlign
from schema.base import Color, Info, Node, id_of, reference, seen_book, shows
from schema.image import Image
from schema.page import Page
from schema.user import User

if TYPE_CHECKING:
    from schema.book import Book


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

    @strawberry.field
    async def book(
        root: strawberry.Parent[models.Element], info: Info
    ) -> Annotated["Book", strawberry.lazy("schema.book")]:
        return await seen_book(info, root.book_id)

    @strawberry.field(description="Null in an event whose page is gone by now.")
    async def page(root: strawberry.Parent[models.Element], info: Info) -> Page | None:
        return await info.context.load.page(root.page_id)

    @strawberry.field(description="Null when they are gone.")
    async def created_by(root: strawberry.Parent[models.Element], info: Info) -> User | None:
        return await info.context.load.user(root.created_by) if root.created_by else None

    @strawberry.field(description="Null when they are gone.")
    async def updated_by(root: strawberry.Parent[models.Element], info: Info) -> User | None:
        return await info.context.load.user(root.updated_by) if root.updated_by else None


def _is(obj: Any, kind: ElementKind) -> bool:
    return isinstance(obj, models.Element) and obj.kind == kind


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


@strawberry.type(description="One placement of an image; the same image can be placed many times.")
class ImageElement(Element):
    corner_radius: float

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return _is(obj, ElementKind.IMAGE)

    @strawberry.field(description="Null is an empty slot, waiting for a photo.")
    def image_id(root: strawberry.Parent[models.Element]) -> strawberry.ID | None:
        return strawberry.ID(f"im_{root.image_id}") if root.image_id else None

    @strawberry.field(description="Null for a slot, and in an event whose image is gone by now.")
    async def image(root: strawberry.Parent[models.Element], info: Info) -> Image | None:
        return await info.context.load.image(root.image_id) if root.image_id else None

    @strawberry.field(description="The part of the image that shows; null is all of it.")
    def crop(root: strawberry.Parent[models.Element]) -> Crop | None:
        return Crop(**root.crop) if root.crop else None


@strawberry.type(description="Words.")
class TextElement(Element):
    content: str = shows("At most 20,000 characters.")
    font_size: float = shows("In canvas units.")
    font_family: str | None
    color: Color
    align: TextAlign

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return _is(obj, ElementKind.TEXT)


@strawberry.type
class RectangleElement(Element):
    fill: Color | None
    stroke: Color | None
    stroke_width: float
    corner_radius: float

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return _is(obj, ElementKind.RECTANGLE)


@strawberry.type(description="An ellipse, where width and height differ.")
class CircleElement(Element):
    fill: Color | None
    stroke: Color | None
    stroke_width: float

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return _is(obj, ElementKind.CIRCLE)


@strawberry.type(description="A line drawn by hand.")
class DrawingElement(Element):
    stroke: Color | None
    stroke_width: float

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return _is(obj, ElementKind.DRAWING)

    @strawberry.field(description="2 to 10,000, relative to the centre.")
    def points(root: strawberry.Parent[models.Element]) -> list[Point]:
        return [Point(x=point["x"], y=point["y"]) for point in root.points or ()]


KINDS = [ImageElement, TextElement, RectangleElement, CircleElement, DrawingElement]
