"""Where a field comes from: said once, beside its type and description, for every way in which it is answered.

A declaration speaks SQL. `row` is an alias of the model that the field's type stands for (None at the root of a query),
`found` an alias of the model that the field leads to, and `asked` who asks and with which arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import strawberry
from sqlalchemy import ColumnElement
from sqlalchemy.types import TypeEngine
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from models import Permission
from models.refusal import Refusal
from resolvers import access
from resolvers.connection import Keyset

if TYPE_CHECKING:
    from resolvers.context import Context


class Asked(Protocol):
    """What a condition may depend on. Everything but what `steers` is a parameter: no plan is made for one viewer."""

    @property
    def viewer_id(self) -> Any: ...
    @property
    def insider_id(self) -> Any:
        """The viewer, where all that counts is whether they belong to the book: what it gives is all members' alike."""

    @property
    def session_id(self) -> Any: ...
    @property
    def now(self) -> Any: ...
    def __getitem__(self, argument: str) -> Any:
        """The value of an argument."""

    def given(self, argument: str) -> bool:
        """Whether the argument was sent, and not as null: a plan for each."""

    def steers(self, argument: str) -> Any:
        """The value of an enumeration or Boolean, at once: a plan for each. None when it was not sent."""


Condition = Callable[[Any, Any, Asked], Any]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a declared field: its type, and how what was sent becomes a parameter of this SQL type.

    `read` may raise a refusal, which is then the field's. Enumerations and Booleans steer and have neither.
    """

    annotation: Any
    read: Callable[[Any], Any] | None = None
    sql: TypeEngine[Any] | type[TypeEngine[Any]] | None = None
    default: Any = strawberry.UNSET
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """The row's own column, of the same name unless said."""

    column: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """The id of the row itself or of another one: two letters for its kind, and the UUID in the column."""

    kind: str
    column: str = "id"


@dataclass(frozen=True, slots=True)
class References:
    """A list of ids in JSON (an SQL expression for an array of texts)."""

    kind: str
    of: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Computed:
    """An SQL expression over the row."""

    of: Callable[[Any, Asked], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class One:
    """The one related row of which the condition holds.

    `missing` is what the field is refused with when there is none, unless it gives None.
    """

    where: Condition
    missing: Callable[[Context], Refusal | None] | None = None


@dataclass(frozen=True, slots=True)
class Many:
    """All related rows, at most as many as the cap of the list says, in an order that is total.

    `within` names a model that is joined by the second condition, for the order to use.
    """

    where: Condition
    order: Callable[..., tuple[Any, ...]]
    within: tuple[Any, Callable[[Any, Any], Any]] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of a kind as a JSON array tells of them (an SQL expression over the row), in its order."""

    of: Callable[[Any], Any]
    where: Callable[[Any, Any, Asked], Any] | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """Related rows a slice at a time, in the keyset's order; refused to who has not the permission that it needs."""

    where: Condition
    keyset: Callable[[Any], Keyset]
    signed_in: bool = False
    needs: Permission | None = None

    @property
    def missing(self) -> Callable[[Context], Refusal | None] | None:
        needs = self.needs
        return None if needs is None else lambda context: access.without(needs)


@dataclass(frozen=True, slots=True)
class Polymorphic:
    """Rows of any type that has an id, by their ids."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A value within a JSONB column: an object, or an array of such, whose keys are the fields' names."""

    column: str | None = None


@dataclass(frozen=True, slots=True)
class Composite:
    """A value made of several columns of the row, by its fields' names; null when one of them is."""

    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Late:
    """What only Python knows, from some values of the row's and the arguments; null unless the condition holds.

    `tell` gives it, and the Unix time until which it stays so: whatever else it depends on is among the values.
    """

    columns: Callable[[Any, Asked], tuple[Any, ...]]
    when: Callable[[Any], ColumnElement[bool]]
    tell: Callable[..., tuple[str | None, float]]


Source = (
    Own | Reference | References | Computed | One | Many | Told | Connected | Polymorphic | Embedded | Composite | Late
)


@dataclass(frozen=True, slots=True)
class Declared:
    """All that is said of a field beside its GraphQL type."""

    source: Source
    arguments: Mapping[str, Argument] = field(default_factory=dict)


def declared(
    source: Source,
    description: str | None = None,
    *,
    arguments: Mapping[str, Argument] | None = None,
    cap: int | None = None,
    once_a: str | None = None,
    by: str | None = None,
) -> Any:
    """A field with this source. Of a list, `cap` is how long it can be, all together in one `once_a`.

    `by` names the argument that it is as long as.
    """
    metadata: dict[str, Any] = {"declared": Declared(source, arguments or {})}
    if cap is not None:
        metadata |= capped(cap, once_a, by)
    made: Any = strawberry.field(description=description, metadata=metadata)
    made.arguments = [
        StrawberryArgument(
            python_name=name,
            graphql_name=None,
            type_annotation=StrawberryAnnotation(argument.annotation),
            default=argument.default,
            description=argument.description,
        )
        for name, argument in (arguments or {}).items()
    ]
    return made


def capped(cap: int, once_a: str | None = None, by: str | None = None) -> dict[str, Any]:
    """The metadata of a list's field that say how long it can be."""
    return {"cap": cap, "once_a": once_a, **({"by": by} if by else {})}


@dataclass(frozen=True, slots=True)
class Row:
    """What a type stands for: the rows of a model, or those of one kind; and the door to them."""

    model: Any
    prefix: str | None
    is_seen: Callable[[Any, Asked], ColumnElement[bool]] | None
    #: The value of the column `kind`, where several types share a table.
    kind: str | None = None
    #: The door for whoever has just changed them, where that is a wider one.
    is_shown: Callable[[Any, Asked], ColumnElement[bool]] | None = None


def stands_for(row: Row) -> Callable[[type], type]:
    """Says which rows a type stands for; above `strawberry.type`."""

    def mark(type_: type) -> type:
        type_.__row__ = row  # type: ignore[attr-defined]
        return type_

    return mark
