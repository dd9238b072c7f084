"""Finds a wrong declaration when the schema is built, rather than when it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    parse,
)
from sqlalchemy import inspect, select
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel

from schema.plan import source as sources
from schema.plan.answer import Whoever
from schema.plan.askings import askings
from schema.plan.conditions import wrong_with_condition, wrong_with_froms
from schema.plan.declarations import declaration_of, python_name, row_of, rows_of
from schema.plan.leaves import joined
from schema.plan.parameters import Arguments, Parameters
from schema.plan.rendering import rendered
from schema.plan.selection import Selections, named
from schema.plan.source import Declared, Source
from schema.plan.writer import Place, Writer

_NOTHING: Final = parse("{ __typename }")
#: What was seen to be right, of which model: a type's fields are its interface's, and every schema's of this process.
_RIGHT: Final[dict[tuple[int, int], Source | sources.Row]] = {}


class WrongDeclaration(TypeError):
    """Says of which types' fields, and what is wrong with each."""


def check(schema: GraphQLSchema) -> None:
    """Raises WrongDeclaration unless every declared field can be written, of its own rows alone."""
    wrong = [f"{where}: {what}" for where, what in _Checking(schema).wrong()]
    if wrong:
        raise WrongDeclaration("\n".join(wrong))


class _Checking:
    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        # Made once for each model: their columns are the larger part of what this takes.
        self._row, self._found = cache(aliased), cache(aliased)
        self._bare = re.compile(rf"\b({'|'.join(sorted(SQLModel.metadata.tables))})\.")

    def wrong(self) -> Iterator[tuple[str, str]]:
        for type_ in self._schema.type_map.values():
            row = row_of(type_)
            if row is None and type_ is not self._schema.query_type:
                continue
            if row is not None and row.is_seen is not None and (what := self._of_door(row)):
                yield type_.name, what
            for name, definition in type_.fields.items():  # type: ignore[attr-defined]
                if what := self._of_field(row, name, definition):
                    yield f"{type_.name}.{name}", what

    def _of_door(self, row: sources.Row) -> str | None:
        if _is_right(row, row.model):
            return None
        found = self._found(row.model)
        doors = [door(found, Whoever(Parameters())) for door in (row.is_seen, row.is_shown) if door]
        what = next(filter(None, (wrong_with_condition(door, [found], found) for door in doors)), None)
        if what is None:
            _RIGHT[id(row), id(row.model)] = row
        return what

    def _of_field(self, row: sources.Row | None, name: str, definition: GraphQLField) -> str | None:
        declared = declaration_of(definition)
        if declared is None:
            return "it has no source" if row else None
        source, model = declared.source, row.model if row else None
        if isinstance(source, sources.Own) and not is_leaf_type(named(definition.type)):
            return "it has no source"
        metadata = definition.extensions["strawberry-definition"].metadata
        is_list = is_list_type(get_nullable_type(definition.type))
        if is_list and row_of(named(definition.type)) and "cap" not in metadata:
            return "a list has a cap"
        for column in _columns(source, definition):
            if model is None or column not in inspect(model).columns:
                return f"there is no column {column}"
        if isinstance(source, sources.Own) or _is_right(source, model):
            return None
        try:
            asked = [*askings(name, definition)]
            for field, variables in asked:
                if what := self._of_condition(model, declared, definition, field, variables):
                    return what
            # Of those with arguments one: they differ in their conditions.
            for field, variables in {id(each): each for each in (asked[0], asked[-1])}.values():
                if what := self._of_writing(model, source, definition, field, variables):
                    return what
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        _RIGHT[id(source), id(model)] = source
        return None

    def _of_writing(
        self, model: Any, source: Source, definition: GraphQLField, field: FieldNode, variables: Mapping[str, Any]
    ) -> str | None:
        """What is wrong with the statement of the field, asked so."""
        row = self._row(model) if model else None
        writer = Writer(*self._empty(), tagged=False)
        place = Place().within(row) if model else Place(key="it")
        written = joined(writer.value(definition, [field], place))
        if isinstance(source, sources.Computed | sources.References | sources.Late) and (
            what := wrong_with_froms(select(written), [row])
        ):
            return what
        sql, _ = rendered(select(written))
        if bare := self._bare.search(sql):
            # Whatever is joined has another name.
            return f"it speaks of {bare[0][:-1]}, which is not in its statement"
        return None

    def _of_condition(
        self, model: Any, declared: Declared, definition: GraphQLField, field: FieldNode, variables: Mapping[str, Any]
    ) -> str | None:
        """What is wrong with what is said of the rows that the field leads to, asked so."""
        source, row = declared.source, self._row(model) if model else None
        if not isinstance(source, sources.One | sources.Many | sources.Told | sources.Connected) or not source.where:
            return None
        leads_to = named(definition.type)
        if isinstance(source, sources.Connected):
            leads_to = named(leads_to.fields["nodes"].type)
        found = self._found(rows_of(leads_to).model)
        asked = Arguments(Parameters(), declared, definition, field, variables)
        condition: Any = source.where(row, found, asked)
        if isinstance(source, sources.Connected) and source.needs is not None:
            # Who may ask for it at all is shown everything.
            return wrong_with_froms(select(found).where(condition), [found, *([row] if model else [])])
        # What is told of has been chosen already.
        about = None if isinstance(source, sources.Told) else found
        return wrong_with_condition(condition, [found, *([row] if model else [])], row if model else None, about)

    def _empty(self) -> tuple[GraphQLSchema, Selections, dict[str, Any]]:
        return self._schema, Selections(self._schema, _NOTHING, {}), {}


def _columns(source: sources.Source, definition: GraphQLField) -> list[str]:
    match source:
        case sources.Own() | sources.Embedded():
            return [source.column or python_name(definition)]
        case sources.Reference():
            return [source.column]
        case sources.Composite():
            return [*source.columns.values()]
    return []


def _is_right(source: Source | sources.Row, model: Any) -> bool:
    return _RIGHT.get((id(source), id(model))) is source
