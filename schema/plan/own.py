"""Rows that the program has in its hands, shown by Python: value for value what a statement would make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from graphql import (
    FieldNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from schema.plan import source as sources
from schema.plan.declarations import declaration_of, python_name, row_of
from schema.plan.parameters import Unplanned
from schema.plan.selection import named

if TYPE_CHECKING:
    from schema.plan.writer import Sets, Writer

#: A row, by the names of its columns, with ids and words as texts.
Row = Mapping[str, Any]
#: What is shown of it. Raises Unplanned where that is not whole.
Show = Callable[[Row], dict[str, Any]]

_PLAIN: Final = frozenset({GraphQLInt.name, GraphQLFloat.name, GraphQLBoolean.name, GraphQLString.name, "Color"})


def showing(writer: Writer, type_: Any, sets: Sets) -> Show:
    """Raises Unplanned for a selection that goes beyond the plain columns of its row."""
    if isinstance(type_, GraphQLObjectType):
        return _object(type_, writer.fields(type_, sets))
    kinds: dict[str, Show] = {}
    for each in writer.schema.get_possible_types(type_):
        row = row_of(each)
        assert row and row.kind
        kinds[row.kind] = _object(each, writer.fields(each, sets))
    return lambda row: kinds[row["kind"]](row)


def _object(type_: GraphQLObjectType, fields: Mapping[str, list[FieldNode]]) -> Show:
    values = [(key, _value(type_, nodes[0].name.value)) for key, nodes in fields.items()]
    return lambda row: {key: value(row) for key, value in values}


def _value(type_: GraphQLObjectType, name: str) -> Callable[[Row], Any]:
    if name == "__typename":
        return lambda row: type_.name
    definition = type_.fields[name]
    declared = declaration_of(definition)
    nullable = not isinstance(definition.type, GraphQLNonNull)
    match declared.source if declared else None:
        case sources.Own(column):
            return _own(definition, column or python_name(definition), nullable=nullable)
        case sources.Reference(kind, column):
            return _reference(f"{kind}_", column)
        case _:
            raise Unplanned


def _reference(before: str, column: str) -> Callable[[Row], Any]:
    def refer(row: Row) -> str | None:
        id = row[column]
        return None if id is None else f"{before}{id}"

    return refer


def _own(definition: GraphQLField, column: str, *, nullable: bool) -> Callable[[Row], Any]:
    type_ = named(definition.type)
    if isinstance(type_, GraphQLEnumType):
        is_plain = all(name == getattr(each.value, "value", each.value) for name, each in type_.values.items())
    else:
        is_plain = type_.name in _PLAIN
    if not is_plain:
        raise Unplanned

    def own(row: Row) -> Any:
        value = row[column]
        if value is None and not nullable:
            raise Unplanned
        return value

    return own
