"""Rows as light as a batch can have them: what JSON tells of them, by the names of their columns."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast

from pydantic_core import PydanticUndefined
from sqlalchemy import Float, Table

from models import Element, Page

_ELEMENTS: Final[Table] = Element.__table__  # type: ignore[attr-defined]
#: JSON tells whole ones as integers.
_FRACTIONS: Final = tuple(column.name for column in _ELEMENTS.columns if isinstance(column.type, Float))
_TOLD: Final = tuple(name for name in Element.model_fields if name != "deleted_at")


def _defaults(model: type[Element | Page]) -> dict[str, Any]:
    return {
        name: None if field.default is PydanticUndefined else field.default
        for name, field in model.model_fields.items()
    }


_DEFAULTS: Final = _defaults(Element)
_SHEET: Final = _defaults(Page)
#: The rule of the model, which asks for no more than a content and points.
_weight: Final[Callable[[Any], int]] = Element.weight.fget  # type: ignore[attr-defined]


class ElementRow:
    """An element of the book; ids and moments are texts. All columns of the table are there, as attributes."""

    id: str
    book_id: str
    page_id: str
    kind: str
    order_key: str
    seq: int
    created_at: str
    updated_at: str
    updated_by: str | None
    deleted_at: str | None
    content: str | None
    points: list[dict[str, float]] | None

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__ = fields

    @classmethod
    def new(cls, **fields: Any) -> "ElementRow":
        return cls({**_DEFAULTS, **fields})

    @classmethod
    def read(cls, fields: dict[str, Any]) -> "ElementRow":
        """From what Postgres says of it."""
        for name in _FRACTIONS:
            value = fields[name]
            if value is not None:
                fields[name] = float(value)
        return cls(fields)

    @property
    def weight(self) -> int:
        return _weight(self)

    def told(self) -> dict[str, Any]:
        """What an event says of it."""
        fields = self.__dict__
        told = {name: fields[name] for name in _TOLD}
        # Postgres leaves the zeros at the end of a second's fraction away.
        told["created_at"] = datetime.fromisoformat(told["created_at"]).isoformat()
        return told


class PageRow:
    """A page of the book, in the same way."""

    id: str
    book_id: str
    name: str | None
    order_key: str
    width: float | None
    height: float | None
    background: str | None
    created_at: str
    deleted_at: str | None

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__ = fields

    @classmethod
    def new(cls, **fields: Any) -> "PageRow":
        return cls({**_SHEET, **fields})

    @classmethod
    def read(cls, fields: dict[str, Any]) -> "PageRow":
        for name in ("width", "height"):
            value = fields[name]
            if value is not None:
                fields[name] = float(value)
        return cls(fields)

    def told(self) -> dict[str, Any]:
        """What an event says of it."""
        return Page.told(cast(Any, self))


Row = ElementRow | PageRow


def grave(id: str, book_id: str, at: str) -> dict[str, Any]:
    """The columns of a row that is gone."""
    return {"id": id, "book_id": book_id, "deleted_at": at}
