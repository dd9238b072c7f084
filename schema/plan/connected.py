"""Rows by a place in an order, and rows by their ids: the two lists that are asked for with values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLObjectType, SelectionSetNode
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, Uuid, case, column, func, select, tuple_
from sqlalchemy.orm import aliased

from models.refusal import Unauthenticated
from resolvers.connection import Keyset, checked_first
from schema.plan.declarations import by_prefix, rows_of
from schema.plan.leaves import Piece, as_text, joined, json_array, or_null, quoted, text
from schema.plan.parameters import Arguments
from schema.plan.selection import named
from schema.plan.source import Connected

if TYPE_CHECKING:
    from schema.plan.writer import Place, Writer

Sets = Sequence[SelectionSetNode | None]


class Connecting:
    """One connection in a statement. LIMIT stands in a subselect of its own, below what hangs on each row."""

    def __init__(
        self, writer: Writer, source: Connected, type_: GraphQLObjectType, place: Place, asked: Arguments
    ) -> None:
        self._writer = writer
        self._source = source
        self._type = type_
        self._place = place
        self._asked = asked
        self._node = named(type_.fields["nodes"].type)
        self._model = rows_of(self._node).model
        if source.signed_in:
            asked.check(_is_signed_in)
        self._first = asked.parameter("first", checked_first, BigInteger, 0)

    def json(self, sets: Sets) -> ColumnElement[str]:
        fields = self._writer.fields(self._type, sets)
        # One row more tells whether there is more; where nobody asks, it is not fetched.
        told = self._page_info_names(fields)
        is_probed = "hasNextPage" in told
        shown = aliased(self._model, self._limited(self._first + 1 if is_probed else self._first))
        keyset = self._source.keyset(shown)
        columns: dict[str, ColumnElement[Any]] = {
            "number": func.row_number().over(),
            "count": func.count().over(),
            "cursor": _cursor(keyset),
            **self._rows(fields, shown, keyset),
        }
        rows = select(*(each.label(name) for name, each in columns.items())).select_from(shown).subquery()

        def listed(values: Any) -> Any:
            return values.filter(rows.c.number <= self._first) if is_probed else values

        def value(key: str, name: str, nodes: list[FieldNode]) -> Iterable[Piece]:
            if name == "totalCount":
                return [self._total()]
            if name == "pageInfo":
                return [self._page_info(rows, nodes)]
            return [json_array(listed(func.string_agg(rows.c[key], ",")))]

        keys = {id(nodes): key for key, nodes in fields.items()}
        whole = self._writer.members(self._type, fields, lambda name, nodes: value(keys[id(nodes)], name, nodes))
        if not self._asked.given("after"):
            told.discard("hasPreviousPage")
        if len(columns) == 3 and not told - {"__typename"}:
            # Nothing in it is of the rows, to make one of them all.
            return whole
        return select(whole).select_from(rows).correlate_except(rows).scalar_subquery()

    def _limited(self, limit: Any) -> Any:
        found = aliased(self._model)
        keyset = self._source.keyset(found)
        statement = (
            select(found)
            .where(self._source.where(self._place.row, found, self._asked))
            .order_by(*(each.desc() for each in keyset.columns))
            .limit(limit)
        )
        if self._asked.given("after"):
            parts = [
                self._asked.parameter("after", _part(keyset, place), each.type)
                for place, each in enumerate(keyset.columns)
            ]
            statement = statement.where(tuple_(*keyset.columns) < tuple_(*parts))
        return self._writer.part(statement, self._place).subquery()

    def _rows(self, fields: Mapping[str, list[FieldNode]], shown: Any, keyset: Keyset) -> dict[str, ColumnElement[Any]]:
        """By response key, the JSON of each row in a list of rows."""
        place = self._place.within(shown)
        rows: dict[str, ColumnElement[Any]] = {}
        for key, nodes in fields.items():
            sets = [each.selection_set for each in nodes]
            if nodes[0].name.value == "nodes":
                rows[key] = self._writer.rows(self._node, sets, place)
            elif nodes[0].name.value == "edges":
                edge = named(self._type.fields["edges"].type)
                rows[key] = self._writer.members(
                    edge,
                    self._writer.fields(edge, sets),
                    lambda name, inner: (
                        ['"', _cursor(keyset), '"']
                        if name == "cursor"
                        else [self._writer.rows(self._node, [each.selection_set for each in inner], place)]
                    ),
                )
        return rows

    def _total(self) -> ColumnElement[Any]:
        found = aliased(self._model)
        where = self._source.where(self._place.row, found, self._asked)
        counted = select(func.count()).select_from(found).where(where)
        return self._writer.part(counted, self._place).scalar_subquery()

    def _page_info(self, rows: Any, nodes: list[FieldNode]) -> ColumnElement[str]:
        info = named(self._type.fields["pageInfo"].type)
        cursor = func.max(rows.c.cursor)
        last = func.least(rows.c.count, self._first)
        values: dict[str, ColumnElement[str]] = {
            "hasNextPage": as_text(func.count() > self._first),
            "hasPreviousPage": as_text(func.count() > 0) if self._asked.given("after") else text("false"),
            "startCursor": or_null(quoted(cursor.filter(rows.c.number == 1))),
            "endCursor": or_null(quoted(cursor.filter(rows.c.number == last))),
        }
        fields = self._writer.fields(info, [each.selection_set for each in nodes])
        return self._writer.members(info, fields, lambda name, _: [values[name]])

    def _page_info_names(self, fields: Mapping[str, list[FieldNode]]) -> set[str]:
        info = named(self._type.fields["pageInfo"].type)
        return {
            each[0].name.value
            for nodes in fields.values()
            if nodes[0].name.value == "pageInfo"
            for each in self._writer.fields(info, [node.selection_set for node in nodes]).values()
        }


def polymorphic(writer: Writer, sets: Sets, asked: Arguments, is_list: bool) -> ColumnElement[str]:
    """Rows by their ids, each through the door of its type."""
    from schema.plan.writer import Place

    name = "ids" if is_list else "id"
    read = asked.reading(name)
    kinds = asked.parameter(name, lambda ids: [kind for kind, _ in read(ids)], ARRAY(Text), [])
    ids = asked.parameter(name, lambda ids: [id for _, id in read(ids)], ARRAY(Uuid), [])
    wanted = (
        func.unnest(kinds, ids)
        .table_valued(column("kind", Text), column("id", Uuid), with_ordinality="place")
        .render_derived()
    )
    place = Place(None, (wanted,))
    doors = []
    for prefix, type_ in by_prefix(writer.schema).items():
        row = rows_of(type_)
        assert row.is_seen
        found = aliased(row.model)
        at = place.within(found)
        if isinstance(type_, GraphQLObjectType):
            json = writer.object(type_, writer.fields(type_, sets), at, tag=writer.tagged)
        else:
            json = writer.rows(type_, sets, at)
        one = select(json).select_from(found).where(found.id == wanted.c.id, row.is_seen(found, asked))
        doors.append((wanted.c.kind == text(prefix), writer.part(one, place).scalar_subquery()))
    json = or_null(case(*doors))
    if is_list:
        return writer.listed(json, select(wanted).order_by(wanted.c.place), Place())
    return or_null(select(json).select_from(wanted).correlate(None).scalar_subquery())


def _cursor(keyset: Keyset) -> ColumnElement[str]:
    """What `Keyset.read` takes apart: a JSON array of the row's place in the order, in base64 for addresses."""
    parts: list[Piece] = []
    for place, each in enumerate(keyset.columns):
        parts += [*([","] if place else []), func.to_json(each)]
    json = func.convert_to(joined(["[", *parts, "]"]), text("UTF8"))
    encoded = func.encode(json, text("base64"))
    # Its lines end after 76 characters.
    return func.translate(encoded, func.concat(text("+/"), func.chr(10)), text("-_"), type_=Text)


def _part(keyset: Keyset, place: int) -> Callable[[str], Any]:
    return lambda cursor: keyset.read(cursor)[place]


def _is_signed_in(context: Any) -> None:
    if context.viewer_id is None:
        raise Unauthenticated
