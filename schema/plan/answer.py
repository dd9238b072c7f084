"""The rows in a mutation's payload, and in what a subscription tells: planned as a query's, read where they changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson
from graphql import FieldNode, GraphQLObjectType, SelectionSetNode, is_object_type
from sqlalchemy import ARRAY, BigInteger, Uuid, func, literal_column, select, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from resolvers.answer import Fetch
from schema.plan.declarations import row_of, rows_of
from schema.plan.late import Late
from schema.plan.own import Show
from schema.plan.parameters import Arguments, Parameters, Unplanned
from schema.plan.selection import named
from schema.plan.values import told_rows
from schema.plan.writer import Place, Writer

if TYPE_CHECKING:
    from resolvers.context import Context
    from schema.plan.statement import Statement

Path = tuple[str, ...]

#: A name of GraphQL, which alone could stand in the text between quotes, holds no dollar.
_PARAMETER: Final = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Asking:
    """One place in an answer where rows are asked for: the response keys that lead to it, and what of them."""

    path: Path
    type_: Any
    sets: Sequence[SelectionSetNode | None]
    field: FieldNode


class Shape:
    """All places of one field's answer, and their statement."""

    def __init__(
        self,
        places: Sequence[Asking],
        statement: Statement | None,
        own: Statement | None = None,
        shows: Sequence[tuple[str, Show]] | None = None,
    ) -> None:
        self.statement = statement
        #: At each place, of the rows of that kind, the same without a statement; None where that cannot be.
        self.shows = shows
        #: The same of rows that are told in JSON; None where more is asked for than is in them.
        self.own = own
        self.by_path = {each.path: place for place, each in enumerate(places)}
        self._within: dict[int, str] = {}

    def own_sql(self, after: int) -> str:
        """The text of `own` within a statement that has so many parameters already."""
        assert self.own
        if (sql := self._within.get(after)) is None:
            sql = self._within[after] = _PARAMETER.sub(lambda match: f"${int(match[1]) + after}", self.own.sql)
        return sql


def places_of(
    writer: Writer, type_: GraphQLObjectType, sets: Sequence[SelectionSetNode | None], path: Path = ()
) -> Iterator[Asking]:
    """Where rows are asked for below a type that stands for none itself."""
    for key, nodes in writer.fields(type_, sets).items():
        if nodes[0].name.value == "__typename":
            continue
        below = named(type_.fields[nodes[0].name.value].type)
        inner = [each.selection_set for each in nodes]
        if row_of(below):
            yield Asking((*path, key), below, inner, nodes[0])
        elif is_object_type(below):
            yield from places_of(writer, below, inner, (*path, key))


class Reading:
    """What was asked for in one answer; the rows are known once the work has been done."""

    def __init__(self, shape: Shape, context: Context, variables: Mapping[str, Any], late: Late) -> None:
        self._shape = shape
        self._context = context
        self._variables = variables
        self._late = late
        self._found: dict[tuple[int, UUID], bytes | Unplanned] = {}

    @property
    def asks(self) -> bool:
        return self._shape.statement is not None

    def check(self) -> None:
        """Raises what the fields are refused with, before anything is done that they were to show."""
        if self._shape.statement is not None:
            self._shape.statement.check(self._context, {**self._variables, "rows": {}})

    async def read(self, fetch: Fetch, rows: Mapping[str, Collection[UUID]]) -> None:
        # What was read before may be seen no more.
        self._found.clear()
        statement = self._shape.statement
        if statement is None or not any(rows.values()):
            return
        values = statement.bind(self._context, {**self._variables, "rows": rows})
        self._take(statement, await fetch(statement.sql, values))

    @property
    def is_own(self) -> bool:
        return self._shape.own is not None

    def told(self, rows: Mapping[str, Sequence[Mapping[str, Any]]], after: int) -> tuple[str, list[Any]]:
        own = self._shape.own
        assert own
        return self._shape.own_sql(after), own.bind(self._context, {**self._variables, "rows": rows})

    @property
    def is_known(self) -> bool:
        return self._shape.shows is not None

    def know(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        assert self._shape.shows is not None
        for place, (kind, show) in enumerate(self._shape.shows):
            for row in rows.get(kind, ()):
                shown: bytes | Unplanned
                try:
                    shown = orjson.dumps(show(row))
                except Unplanned as error:
                    shown = error
                self._found[place, UUID(row["id"])] = shown

    def take(self, found: Iterable[Sequence[Any]]) -> None:
        assert self._shape.own
        self._take(self._shape.own, found)

    def _take(self, statement: Statement, found: Iterable[Sequence[Any]]) -> None:
        for place, id, json in found:
            try:
                self._found[place, id] = self._late.fill(statement, json, self._context).json
            except Unplanned as error:
                # The change stands, whatever is wrong with what is shown of it.
                self._found[place, id] = error

    async def tell(self, fetch: Fetch, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        statement = self._shape.statement
        assert statement
        told = orjson.dumps(rows, default=str).decode()
        values = statement.bind(self._context, {**self._variables, "rows": told})
        found = await fetch(statement.sql, values)
        return [orjson.loads(self._late.fill(statement, json, self._context).json) for (json,) in found]

    def json(self, path: Path, id: UUID) -> bytes | None:
        """What is shown there of a row; None when it may not be seen. Raises Unplanned where it is not whole."""
        found = self._found.get((self._shape.by_path[path], id))
        if isinstance(found, Unplanned):
            raise found
        return found


def reading_statement(writer: Writer, places: Sequence[Asking]) -> Any:
    """Rows by their ids: at each place those of its kind, through the door for whoever has changed them."""
    statements = []
    for number, asking in enumerate(places):
        row = rows_of(asking.type_)
        assert row.prefix and row.is_seen
        found = aliased(row.model)
        prefix = row.prefix
        ids = writer.parameters.add(_ids(prefix), ARRAY(Uuid), field=asking.field)
        json = writer.rows(asking.type_, asking.sets, Place().within(found))
        asked = Whoever(writer.parameters)
        statements.append(
            select(literal_column(str(number), BigInteger), found.id, func.convert_to(json, "UTF8"))
            .select_from(found)
            .where(found.id == func.any(ids), (row.is_shown or row.is_seen)(found, asked))
        )
    return union_all(*statements)


def own_statement(writer: Writer, places: Sequence[Asking]) -> Any:
    """Rows that are told in JSON by their kind, at each place those of its own."""
    statements = []
    for number, asking in enumerate(places):
        row = rows_of(asking.type_)
        assert row.prefix
        told = writer.parameters.add(_told(row.prefix), JSONB, field=asking.field)
        found, _ = told_rows(row.model, told)
        json = writer.rows(asking.type_, asking.sets, Place().within(found))
        statements.append(
            select(literal_column(str(number), BigInteger), found.id, func.convert_to(json, "UTF8")).select_from(found)
        )
    return union_all(*statements)


def telling_statement(writer: Writer, asking: Asking) -> Any:
    """Rows that are told in JSON, in their order."""
    told = writer.parameters.add(lambda _, variables: variables["rows"], JSONB)
    found, place = told_rows(rows_of(asking.type_).model, told)
    json = writer.rows(asking.type_, asking.sets, Place().within(found))
    return select(func.convert_to(json, "UTF8")).select_from(found).order_by(place)


class Whoever(Arguments):
    """Who asks, where there are no arguments."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters


def _ids(prefix: str) -> Any:
    return lambda _, variables: [*variables["rows"].get(prefix, ())]


def _told(prefix: str) -> Any:
    return lambda _, variables: orjson.dumps(variables["rows"].get(prefix, ())).decode()
