"""What every part of the schema is made with."""

from dataclasses import is_dataclass
from typing import Any, Final, NewType

import orjson
import strawberry
from sqlalchemy import and_
from strawberry.schema.types.base_scalars import DateTimeDefinition

from models.columns import shown_moment
from models.refusal import Forbidden
from resolvers import access
from resolvers.context import Context
from resolvers.event import UNSEEN
from schema import enums as enums
from schema.plan.source import Condition, One, Reference, declared

Info = strawberry.Info[Context, None]
Color = NewType("Color", str)
JSON = NewType("JSON", object)
MOMENT = strawberry.scalar(
    name="DateTime",
    description="Date with time (isoformat)",
    # As Postgres writes it, where the moment is not from there.
    serialize=lambda moment: moment if isinstance(moment, str) else shown_moment(moment),
    parse_value=DateTimeDefinition.parse_value,
)
#: Bytes of a value in JSON that somebody sends.
JSON_LIMIT: Final = 2**16


def _bounded(value: Any) -> Any:
    # What nests too deep to be written, orjson refuses.
    if len(orjson.dumps(value)) > JSON_LIMIT:
        raise ValueError(f"It is longer than {JSON_LIMIT:,} bytes.")
    return value


JSON_VALUE = strawberry.scalar(
    name="JSON",
    description="Any value of JSON, of at most 64 KiB.",
    serialize=lambda value: value,
    parse_value=_bounded,
)
COLOR = strawberry.scalar(name="Color", description="#rrggbb or #rrggbbaa, lower case.", parse_value=str)


@strawberry.interface(description="Whatever has an id that `node` finds.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Unique in the whole schema, and opaque but for elements' and pages'."
    )


def id_of(kind: str) -> Any:
    """The `id` of a type whose row has a UUID."""
    return declared(Reference(kind), f"`{kind}_` and a UUID.")


def reference(kind: str, column: str, description: str | None = None) -> Any:
    """A field that is the id of another thing."""
    return declared(Reference(kind, column), description)


def shows(description: str) -> Any:
    """A field that is the row's own, under the same name; as are those of which nothing is said."""
    return strawberry.field(description=description)


def of(where: Condition, description: str | None = None, **options: Any) -> Any:
    """A field that is the one related row of which this holds."""
    arguments = options.pop("arguments", None)
    return declared(One(where, **options), description, arguments=arguments)


def book_of(description: str | None = None) -> Any:
    """The book that a row hangs on, where it may be seen; Forbidden when it was lost since the row was."""
    return of(
        lambda row, book, asked: and_(book.id == row.book_id, access.book_is_seen(asked.insider_id, book)),
        description,
        missing=lambda context: Forbidden(UNSEEN),
    )


def person(column: str, description: str | None = "Null when they are gone.") -> Any:
    """The user whose id is in the column."""
    return of(lambda row, user, asked: user.id == getattr(row, column), description)


#: What is most of what is sent.
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


def given(input: Any) -> Any:
    """What a client sent: of an input the fields that are there, by name, and so on down."""
    if type(input) in _PLAIN:
        return input
    # Not told by Strawberry's own mark, which an enum's value has too.
    if is_dataclass(input):
        return {name: given(value) for name, value in vars(input).items() if value is not strawberry.UNSET}
    return [given(value) for value in input] if isinstance(input, list) else input


def sent(value: Any) -> Any:
    """The value of an optional argument; None when it was left out."""
    return None if value is strawberry.UNSET else value
