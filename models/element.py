"""What lies on a page: photos, texts, rectangles, circles, drawings."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel, col

from models.columns import Json, moment, now, one_of, order_key, reference, text
from models.id import new_id
from models.refusal import Invalid

#: The largest number in a canvas, in either direction: what a double still counts in quarters.
LARGEST: Final = 1e15
CONTENT_LENGTH: Final = 20_000
FONT_FAMILY_LENGTH: Final = 200
POINTS: Final = (2, 10_000)
#: Bytes, about, of one that has neither words nor points.
BARE_WEIGHT: Final = 500


class ElementKind(StrEnum):
    IMAGE = "IMAGE"
    TEXT = "TEXT"
    RECTANGLE = "RECTANGLE"
    CIRCLE = "CIRCLE"
    DRAWING = "DRAWING"


class TextAlign(StrEnum):
    LEFT = "LEFT"
    CENTER = "CENTER"
    RIGHT = "RIGHT"


class Element(SQLModel, table=True):
    """One thing on a page. A deleted one stays, so that its id stays gone and undo can bring it back.

    Lengths are in canvas units, the angle in radians; x and y are the centre.
    """

    __tablename__ = "elements"
    __table_args__ = (
        one_of("kind", ElementKind),
        one_of("align", TextAlign),
        Index("elements_in_order", "page_id", "order_key", "id", postgresql_where=sql("deleted_at IS NULL")),
        Index("elements_of_book", "book_id", "deleted_at"),
        Index("elements_of_page", "page_id"),
        Index("elements_by_creator", "created_by"),
        Index("elements_by_editor", "updated_by"),
        Index("elements_of_image", "image_id", postgresql_where=sql("image_id IS NOT NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    book_id: UUID = reference("books.id", ondelete="CASCADE")
    page_id: UUID = reference("pages.id", ondelete="CASCADE")
    kind: str = text()
    order_key: str = order_key()
    seq: int = 0
    x: float
    y: float
    width: float
    height: float
    scale_x: float = 1
    scale_y: float = 1
    angle: float = 0
    opacity: float = 1
    locked: bool = False
    created_by: UUID | None = reference("users.id", ondelete="SET NULL", nullable=True)
    updated_by: UUID | None = reference("users.id", ondelete="SET NULL", nullable=True)
    created_at: datetime = moment(default_factory=now)
    updated_at: datetime = moment(default_factory=now)
    deleted_at: datetime | None = moment(default=None)
    # What only some kinds have.
    image_id: UUID | None = reference("images.id", ondelete="SET NULL", nullable=True)
    crop: dict[str, float] | None = Field(default=None, sa_type=Json)
    corner_radius: float | None = None
    content: str | None = text(default=None)
    font_size: float | None = None
    font_family: str | None = text(default=None)
    color: str | None = text(default=None)
    align: str | None = text(default=None)
    fill: str | None = text(default=None)
    stroke: str | None = text(default=None)
    stroke_width: float | None = None
    points: list[dict[str, float]] | None = Field(default=None, sa_type=Json)

    @staticmethod
    def of(book_id: UUID) -> ColumnElement[bool]:
        return and_(col(Element.book_id) == book_id, col(Element.deleted_at).is_(None))

    @staticmethod
    def on(page_id: UUID) -> ColumnElement[bool]:
        return and_(col(Element.page_id) == page_id, col(Element.deleted_at).is_(None))

    @property
    def weight(self) -> int:
        """About how many bytes an event takes to tell of it."""
        return BARE_WEIGHT + 2 * len(self.content or "") + 40 * len(self.points or ())

    def told(self) -> dict[str, Any]:
        """What an event says of it: its own fields, as they are now."""
        return {name: _plain(getattr(self, name)) for name in _TOLD}

    @classmethod
    def heard(cls, told: Mapping[str, Any]) -> "Element":
        """The element that an event told of; it belongs to no session.

        What a program did not tell that is older than the column has its default.
        """
        return cls(
            **{
                name: _PARSED[name](told[name]) if told[name] and name in _PARSED else told[name]
                for name in _TOLD
                if name in told
            }
        )


_TOLD: Final = [name for name in Element.model_fields if name != "deleted_at"]
_PARSED: Final[dict[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("id", "book_id", "page_id", "image_id", "created_by", "updated_by"), UUID),
    **dict.fromkeys(("created_at", "updated_at"), datetime.fromisoformat),
}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _number(least: float = -LARGEST, most: float = LARGEST) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if not isinstance(value, int | float) or not math.isfinite(value) or not least <= value <= most:
            raise ValueError(f"It is a number from {least:g} to {most:g}.")
        return float(value)

    return check


def _words(most: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if len(value) > most:
            raise ValueError(f"It has at most {most:,} characters.")
        return str(value)

    return check


def _crop(value: Any) -> dict[str, float]:
    part = {side: _number(0, 1)(value[side]) for side in ("x", "y", "width", "height")}
    if (
        not part["width"]
        or not part["height"]
        or part["x"] + part["width"] > 1 + 1e-9
        or part["y"] + part["height"] > 1 + 1e-9
    ):
        raise ValueError("It is a part of the image, not empty, in fractions of its size from 0 to 1.")
    return part


def _points(value: Any) -> list[dict[str, float]]:
    least, most = POINTS
    if not least <= len(value) <= most:
        raise ValueError(f"A drawing has {least} to {most:,} points.")
    number = _number()
    return [{"x": number(point["x"]), "y": number(point["y"])} for point in value]


_COLOR: Final = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{8})\Z")


def checked_color(value: str) -> str:
    """Raises ValueError for what is not #rrggbb or #rrggbbaa."""
    value = value.lower()
    if not _COLOR.match(value):
        raise ValueError("A colour is #rrggbb or #rrggbbaa.")
    return value


_CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    "x": _number(),
    "y": _number(),
    "width": _number(0),
    "height": _number(0),
    "scale_x": _number(),
    "scale_y": _number(),
    "angle": _number(),
    "opacity": _number(0, 1),
    "locked": bool,
    "image_id": lambda value: value,
    "crop": _crop,
    "corner_radius": _number(0),
    "content": _words(CONTENT_LENGTH),
    "font_size": _number(0.01, 10_000),
    "font_family": _words(FONT_FAMILY_LENGTH),
    "color": checked_color,
    "align": lambda value: TextAlign(value).value,
    "fill": checked_color,
    "stroke": checked_color,
    "stroke_width": _number(0),
    "points": _points,
}
_CLEARABLE: Final = frozenset({"image_id", "crop", "font_family", "fill", "stroke"})
_EVERY_KIND: Final = frozenset({"x", "y", "width", "height", "scale_x", "scale_y", "angle", "opacity", "locked"})
#: The fields that only some kinds have, and what they are when nothing is said.
OWN_FIELDS: Final[dict[ElementKind, dict[str, Any]]] = {
    ElementKind.IMAGE: {"image_id": None, "crop": None, "corner_radius": 0.0},
    ElementKind.TEXT: {
        "content": "",
        "font_size": 16.0,
        "font_family": None,
        "color": "#000000",
        "align": TextAlign.LEFT.value,
    },
    ElementKind.RECTANGLE: {"fill": None, "stroke": "#000000", "stroke_width": 1.0, "corner_radius": 0.0},
    ElementKind.CIRCLE: {"fill": None, "stroke": "#000000", "stroke_width": 1.0},
    ElementKind.DRAWING: {"points": None, "stroke": "#000000", "stroke_width": 1.0},
}


def checked_fields(
    kind: ElementKind, fields: Mapping[str, Any], *, where: Callable[[str], tuple[str, ...]]
) -> dict[str, Any]:
    """The values as they are kept. Raises Invalid, with the path that `where` gives for a field."""
    checked: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in _EVERY_KIND and name not in OWN_FIELDS[kind]:
            raise Invalid(f"A {kind.lower()} has no such field.", *where(name))
        if value is None:
            if name not in _CLEARABLE:
                raise Invalid("There is nothing to clear here.", *where(name))
            checked[name] = None
            continue
        try:
            checked[name] = _CHECKS[name](value)
        except ValueError as error:
            raise Invalid(str(error), *where(name)) from error
    return checked
