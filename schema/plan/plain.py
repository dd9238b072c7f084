"""Values that stand for no rows, as graphql-core would show them: compiled from what is selected of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import orjson
from graphql import (
    FieldNode,
    GraphQLObjectType,
    SelectionSetNode,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)

from schema.plan.answer import Path
from schema.plan.declarations import declaration_of, python_name, row_of
from schema.plan.parameters import Unplanned
from schema.plan.writer import Writer

#: What orjson writes for a value; rows in it are as their JSON has come, by where they are asked for.
Show = Callable[[Any, Mapping[Path, bytes]], Any]


def plain(writer: Writer, type_: GraphQLObjectType, sets: Sequence[SelectionSetNode | None], path: Path = ()) -> Show:
    """Shows an object. Raises Unplanned where a field is more than an attribute."""
    members = [(key, _member(writer, type_, nodes, (*path, key))) for key, nodes in writer.fields(type_, sets).items()]
    return lambda value, rows: {key: show(value, rows) for key, show in members}


def _member(writer: Writer, type_: GraphQLObjectType, nodes: list[FieldNode], path: Path) -> Show:
    name = nodes[0].name.value
    if name == "__typename":
        return lambda value, rows: type_.name
    definition = type_.fields[name]
    field = definition.extensions["strawberry-definition"]
    if field.base_resolver is not None or definition.args or declaration_of(definition):
        raise Unplanned
    get = attrgetter(python_name(definition))
    show = _value(writer, definition.type, [each.selection_set for each in nodes], path)
    return lambda value, rows: show(get(value), rows)


def _value(writer: Writer, type_: Any, sets: Sequence[SelectionSetNode | None], path: Path) -> Show:
    type_ = get_nullable_type(type_)
    if is_list_type(type_):
        each = _value(writer, type_.of_type, sets, path)
        return lambda value, rows: None if value is None else [each(one, rows) for one in value]
    if is_leaf_type(type_):
        serialize = type_.serialize
        return lambda value, rows: None if value is None else serialize(value)
    if row_of(type_):
        return lambda value, rows: orjson.Fragment(rows[path])
    if not is_object_type(type_):
        raise Unplanned
    show = plain(writer, type_, sets, path)
    return lambda value, rows: None if value is None else show(value, rows)
