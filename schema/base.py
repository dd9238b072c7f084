"""What every part of the schema is made with."""

from dataclasses import is_dataclass
from typing import Any, NewType
from uuid import UUID

import strawberry

from models.id import outside
from models.refusal import Forbidden
from resolvers.context import Context
from resolvers.event import UNSEEN
from schema import enums as enums

Info = strawberry.Info[Context, None]
Color = NewType("Color", str)
COLOR = strawberry.scalar(name="Color", description="#rrggbb or #rrggbbaa, lower case.", parse_value=str)


@strawberry.interface(description="Whatever has an id that `node` finds.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Unique in the whole schema, and opaque but for elements' and pages'."
    )


def id_of(kind: str) -> Any:
    """The `id` of a type whose row has a UUID."""

    def resolve(root: Any) -> strawberry.ID:
        return strawberry.ID(outside(kind, root.id))

    return strawberry.field(resolver=resolve, description=f"`{kind}_` and a UUID.")


def reference(kind: str, column: str, description: str) -> Any:
    """A field that is the id of another thing."""

    def resolve(root: Any) -> strawberry.ID:
        return strawberry.ID(outside(kind, getattr(root, column)))

    return strawberry.field(resolver=resolve, description=description)


def shows(description: str) -> Any:
    """A field that is the row's own, under the same name."""
    return strawberry.field(description=description)


def given(input: Any) -> Any:
    """What a client sent: of an input the fields that are there, by name, and so on down."""
    # Not told by Strawberry's own mark, which an enum's value has too.
    if is_dataclass(input):
        return {name: given(value) for name, value in vars(input).items() if value is not strawberry.UNSET}
    return [given(value) for value in input] if isinstance(input, list) else input


def sent(value: Any) -> Any:
    """The value of an optional argument; None when it was left out."""
    return None if value is strawberry.UNSET else value


async def seen_book(info: Info, book_id: UUID) -> Any:
    """The book that something hangs on. Raises Forbidden when it was lost since that something was read."""
    book = await info.context.load.book(book_id)
    if book is None:
        raise Forbidden(UNSEEN)
    return book
