"""What the types of a built schema say of themselves."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLField, GraphQLSchema

from schema.plan.source import Declared, Own, Row


def declaration_of(definition: GraphQLField) -> Declared | None:
    """What is said of a field beside its type; of a row's plain field, that it is the column of its name."""
    field = definition.extensions.get("strawberry-definition")
    if field is None or field.base_resolver is not None:
        return None
    declared: Declared | None = field.metadata.get("declared")
    if declared is None and hasattr(field.origin, "__row__"):
        return Declared(Own())
    return declared


def row_of(type_: Any) -> Row | None:
    """The rows that a type of the schema stands for; None for a type that stands for none."""
    origin = getattr(type_.extensions.get("strawberry-definition"), "origin", None)
    row: Row | None = vars(origin).get("__row__") if isinstance(origin, type) else None
    return row


def rows_of(type_: Any) -> Row:
    """The rows of a type that a field leads to. Raises TypeError for a type that stands for none."""
    row = row_of(type_)
    if row is None:
        raise TypeError(f"{type_.name} stands for no rows.")
    return row


def by_prefix(schema: GraphQLSchema) -> dict[str, Any]:
    """The types whose rows have ids, by the two letters of those; of several that share them, their interface."""
    rows = ((type_, row_of(type_)) for type_ in schema.type_map.values())
    return {row.prefix: type_ for type_, row in rows if row and row.prefix and row.kind is None}


def python_name(definition: GraphQLField) -> str:
    name: str = definition.extensions["strawberry-definition"].python_name
    return name
