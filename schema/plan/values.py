"""The JSON of what is no row of its own: ids, and values that lie in a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from graphql import FieldNode, GraphQLObjectType, SelectionSetNode
from sqlalchemy import ColumnElement, Text, and_, case, cast, column, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import aliased

from schema.plan.declarations import python_name
from schema.plan.leaves import Piece, as_text, joined, json_array, leaf, or_null, quoted, text
from schema.plan.selection import named
from schema.plan.source import Composite

if TYPE_CHECKING:
    from schema.plan.writer import Writer

Sets = Sequence[SelectionSetNode | None]


def reference(kind: str, value: Any, nullable: bool) -> list[Piece]:
    """The id of a row, from its UUID."""
    return [or_null(quoted(as_text(value), f"{kind}_"))] if nullable else [f'"{kind}_', value, '"']


def references(kind: str, array: Any) -> ColumnElement[str]:
    """A list of ids, from a JSON array of UUIDs."""
    each = func.jsonb_array_elements_text(array).table_valued("id", with_ordinality="place").render_derived()
    return _listed(joined([f'"{kind}_', each.c.id, '"']), each)


def embedded(writer: Writer, type_: GraphQLObjectType, sets: Sets, stored: Any) -> ColumnElement[str]:
    """An object that lies in a column; null when there is none."""
    fields = writer.fields(type_, sets)
    return case((stored.is_(None), text("null")), else_=_members(writer, type_, fields, stored))


def embedded_list(writer: Writer, type_: GraphQLObjectType, sets: Sets, stored: Any) -> ColumnElement[str]:
    """An array of objects that lies in a column; empty when there is none."""
    fields = writer.fields(type_, sets)
    # As jsonb writes its keys by itself: shorter ones first.
    natural = sorted((python_name(each) for each in type_.fields.values()), key=lambda name: (len(name), name))
    if [*fields] == natural and all(nodes[0].name.value == key for key, nodes in fields.items()):
        return func.coalesce(as_text(stored), text("[]"), type_=Text)
    each = (
        func.jsonb_array_elements(stored).table_valued(column("value", JSONB), with_ordinality="place").render_derived()
    )
    return _listed(_members(writer, type_, fields, each.c.value), each)


def composite(writer: Writer, source: Composite, type_: GraphQLObjectType, sets: Sets, row: Any) -> ColumnElement[str]:
    """An object made of columns of the row; null when one of them is."""

    def value(name: str, nodes: list[FieldNode]) -> Iterable[Piece]:
        definition = type_.fields[name]
        stored = getattr(row, source.columns[python_name(definition)])
        return leaf(named(definition.type), stored, False)

    whole = writer.members(type_, writer.fields(type_, sets), value)
    is_whole = and_(*(getattr(row, name).is_not(None) for name in source.columns.values()))
    return case((is_whole, whole), else_=text("null"))


def told_rows(model: Any, array: Any) -> tuple[Any, Any]:
    """The rows that a JSON array tells of, as an alias of their model, and the place of each in it."""
    table = model.__table__
    columns = [column(each.name, each.type) for each in table.columns]
    rows = (
        func.jsonb_populate_recordset(literal_column(f"NULL::{table.name}"), array)
        .table_valued(*columns, with_ordinality="ordinality")
        .alias()
    )
    return aliased(model, rows, adapt_on_names=True), rows.c.ordinality


def completed(model: Any, array: Any, **own: Any) -> Any:
    """A JSON array of rows, in which what a row does not tell is as `own` says, or the model's default."""
    defaults = {
        name: field.default
        for name, field in model.model_fields.items()
        if isinstance(field.default, bool | int | float | str)
    }
    each = (
        func.jsonb_array_elements(array).table_valued(column("value", JSONB), with_ordinality="place").render_derived()
    )
    known = cast(literal(orjson.dumps(defaults).decode(), Text), JSONB).concat(
        func.jsonb_build_object(*(part for name, value in own.items() for part in (literal(name, Text), value)))
    )
    rows = func.jsonb_agg(aggregate_order_by(known.concat(each.c.value), each.c.place), type_=JSONB)
    return select(rows).select_from(each).correlate_except(each).scalar_subquery()


def _members(
    writer: Writer, type_: GraphQLObjectType, fields: dict[str, list[FieldNode]], stored: Any
) -> ColumnElement[str]:
    # The text of a JSON value is one, whatever its type.
    return writer.members(
        type_, fields, lambda name, nodes: [or_null(as_text(stored[python_name(type_.fields[name])]))]
    )


def _listed(json: ColumnElement[str], each: Any) -> ColumnElement[str]:
    inner = select(json.label("json")).select_from(each).order_by(each.c.place).correlate_except(each).subquery()
    return select(json_array(func.string_agg(inner.c.json, ","))).select_from(inner).scalar_subquery()
