"""Writes the statement of a plan: JSON text for each selected field, rows within rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    SelectionSetNode,
    get_nullable_type,
    is_list_type,
)
from sqlalchemy import ColumnElement, Select, Text, case, func, or_, select
from sqlalchemy.orm import aliased

from models.refusal import BadUserInput, Refusal
from resolvers import access
from schema.plan import source as sources
from schema.plan.declarations import declaration_of, python_name, rows_of
from schema.plan.leaves import Piece, as_text, joined, json_array, json_object, leaf, marked, or_null, text
from schema.plan.parameters import Arguments, Parameters
from schema.plan.selection import Selections, named
from schema.plan.source import Declared
from schema.plan.values import composite, embedded, embedded_list, reference, references, told_rows

#: Where the ordinary way finds the type of what an interface leads to; no response key begins so.
TYPE: Final = "$"
Sets = Sequence[SelectionSetNode | None]
#: Fields of one statement. Fragments are written out at each place, and kinds of an interface each for itself.
FIELDS_LIMIT: Final = 1_000
#: What a row says by itself.
_WITHIN: Final = (sources.Own, sources.Reference, sources.References, sources.Embedded, sources.Composite, sources.Late)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field stands in a statement: its row (None at the root), and the aliases around it."""

    row: Any = None
    scope: tuple[Any, ...] = ()
    #: The response key of a field at the root.
    key: str | None = None

    def within(self, row: Any) -> Place:
        return Place(row, (*self.scope, row))


@dataclass(frozen=True, slots=True)
class Missing:
    """A row that is not there. At the root, the error of its field can be told without the ordinary way."""

    refusal: Callable[[Any], Refusal | None]
    fields: Sequence[FieldNode]
    key: str | None


@dataclass(frozen=True, slots=True)
class Filled:
    """What Python fills in: from the columns between the marks, and the values of the arguments."""

    tell: Callable[..., tuple[str | None, float]]
    arguments: tuple[Any, ...]


class Writer:
    """Of one statement. `tagged` has objects behind an interface carry their type, for the ordinary way."""

    def __init__(
        self, schema: GraphQLSchema, selections: Selections, variables: Mapping[str, Any], *, tagged: bool
    ) -> None:
        self.schema = schema
        self.parameters = Parameters()
        self.filled: list[Filled] = []
        self.missing: list[Missing] = []
        self.tagged = tagged
        #: Whether anything was written that does not lie in the rows that it began with.
        self.looks_around = False
        self._written = 0
        self._selections = selections
        self._variables = variables

    @property
    def is_wrong(self) -> bool:
        """Whether graphql-core refuses some of what was written."""
        return self.parameters.are_wrong or self._selections.are_wrong

    def root(self, type_: GraphQLObjectType, sets: Sets) -> tuple[ColumnElement[str] | None, bool]:
        """The JSON object of all fields that are declared, and whether those are all that are selected."""
        fields = self.fields(type_, sets)
        known = {
            key: nodes
            for key, nodes in fields.items()
            if nodes[0].name.value == "__typename"
            or ((definition := type_.fields.get(nodes[0].name.value)) and declaration_of(definition))
        }
        if all(nodes[0].name.value == "__typename" for nodes in known.values()):
            return None, False
        keys = {id(nodes): key for key, nodes in known.items()}
        json = self.members(
            type_,
            known,
            lambda name, nodes: self.value(type_.fields[name], nodes, Place(key=keys[id(nodes)])),
        )
        return json, len(known) == len(fields)

    def fields(self, type_: GraphQLObjectType, sets: Sets) -> dict[str, list[FieldNode]]:
        return self._selections.fields(type_, sets)

    def members(
        self,
        type_: GraphQLObjectType,
        fields: Mapping[str, list[FieldNode]],
        value: Callable[[str, list[FieldNode]], Iterable[Piece]],
        *,
        tag: bool = False,
    ) -> ColumnElement[str]:
        """The JSON object of the fields, each with its value by name; `__typename` is known."""
        own: list[tuple[str, Iterable[Piece]]] = [(TYPE, [f'"{type_.name}"'])] if tag else []
        for key, nodes in fields.items():
            name = nodes[0].name.value
            own.append((key, [f'"{type_.name}"'] if name == "__typename" else value(name, nodes)))
        return json_object(own)

    def object(
        self, type_: GraphQLObjectType, fields: Mapping[str, list[FieldNode]], place: Place, *, tag: bool = False
    ) -> ColumnElement[str]:
        """The JSON object of a row as this type."""
        return self.members(type_, fields, lambda name, nodes: self.value(type_.fields[name], nodes, place), tag=tag)

    def rows(self, type_: Any, sets: Sets, place: Place) -> ColumnElement[str]:
        """The JSON object of a row as this type, or as the one of an interface's that it is."""
        if isinstance(type_, GraphQLObjectType):
            return self.object(type_, self.fields(type_, sets), place)
        alike: list[tuple[list[GraphQLObjectType], dict[str, list[FieldNode]]]] = []
        for each in self.schema.get_possible_types(type_):
            fields = self.fields(each, sets)
            same = next((types for types, others in alike if not self.tagged and _are_same(fields, others)), None)
            if same is None:
                alike.append(([each], fields))
            else:
                same.append(each)
        if len(alike) == 1:
            [([first, *_], fields)] = alike
            return self.object(first, fields, place)
        return case(
            *(
                (
                    or_(*(place.row.kind == text(str(rows_of(each).kind)) for each in types)),
                    self.object(types[0], fields, place, tag=self.tagged),
                )
                for types, fields in alike
            )
        )

    def value(self, definition: GraphQLField, fields: list[FieldNode], place: Place) -> Iterable[Piece]:
        """The JSON of a field."""
        self._written += 1
        if self._written > FIELDS_LIMIT:
            raise BadUserInput(
                f"An operation comes to at most {FIELDS_LIMIT:,} fields, wherever its fragments are spread."
            )
        declared = declaration_of(definition)
        assert declared
        row, source = place.row, declared.source
        nullable = not isinstance(definition.type, GraphQLNonNull)
        is_list = is_list_type(get_nullable_type(definition.type))
        type_ = named(definition.type)
        sets = [each.selection_set for each in fields]
        asked = Arguments(self.parameters, declared, definition, fields[0], self._variables)
        if not isinstance(source, _WITHIN):
            self.looks_around = True
        match source:
            case sources.Own():
                stored = getattr(row, source.column or python_name(definition))
                if nullable or not stored.property.columns[0].nullable:
                    return leaf(type_, stored, nullable)
                # Other kinds of rows have none. Where this one has none, the ordinary way says so.
                return leaf(type_, stored, True, None if self.tagged else joined(marked(["!"])))
            case sources.Reference():
                return reference(source.kind, getattr(row, source.column), nullable)
            case sources.References():
                return [references(source.kind, source.of(row))]
            case sources.Computed():
                return leaf(type_, source.of(row, asked), nullable)
            case sources.One():
                return [self._one(source, type_, fields, place, asked, nullable)]
            case sources.Many():
                return [self._many(source, type_, sets, place, asked)]
            case sources.Told():
                return [self._told(source, type_, sets, place, asked)]
            case sources.Connected():
                return [self._connected(source, type_, fields, place, asked)]
            case sources.Polymorphic():
                return [polymorphic(self, sets, asked, is_list)]
            case sources.Embedded():
                stored = getattr(row, source.column or python_name(definition))
                return [(embedded_list if is_list else embedded)(self, type_, sets, stored)]
            case sources.Composite():
                return [composite(self, source, type_, sets, row)]
            case sources.Late():
                return [self._late(source, row, asked, declared)]

    def part(self, statement: Select[Any], place: Place) -> Select[Any]:
        """The statement as a part of those around it, of whose rows its conditions may speak."""
        return statement.correlate(*place.scope) if place.scope else statement.correlate(None)

    def listed(self, json: ColumnElement[Any], statement: Select[Any], place: Place) -> ColumnElement[str]:
        """A JSON array of what the statement finds, in its order."""
        inner = self.part(statement.with_only_columns(json.label("json")), place).subquery()
        return select(json_array(func.string_agg(inner.c.json, ","))).select_from(inner).scalar_subquery()

    def _one(
        self,
        source: sources.One,
        type_: Any,
        fields: list[FieldNode],
        place: Place,
        asked: Arguments,
        nullable: bool,
    ) -> ColumnElement[str]:
        found = aliased(rows_of(type_).model)
        json = self.rows(type_, [each.selection_set for each in fields], place.within(found))
        statement = select(json).select_from(found).where(source.where(place.row, found, asked))
        value = self.part(statement, place).scalar_subquery()
        if self.tagged or (nullable and source.missing is None):
            return or_null(value)
        if source.missing is None:
            # There has to be one: what it is when there is none, the ordinary way says.
            return func.coalesce(value, joined(marked(["!"])), type_=Text)
        return func.coalesce(value, self._missed(source.missing, fields, place), type_=Text)

    def _connected(
        self, source: sources.Connected, type_: Any, fields: list[FieldNode], place: Place, asked: Arguments
    ) -> ColumnElement[str]:
        json = Connecting(self, source, type_, place, asked).json([each.selection_set for each in fields])
        if source.needs is None or source.missing is None:
            return json
        # Of a CASE, what is not chosen is not run.
        otherwise = text("null") if self.tagged else self._missed(source.missing, fields, place)
        return case((access.may(asked.viewer_id, source.needs), json), else_=otherwise)

    def _missed(
        self, refusal: Callable[[Any], Refusal | None], fields: list[FieldNode], place: Place
    ) -> ColumnElement[str]:
        self.missing.append(Missing(refusal, fields, place.key))
        return joined(marked([f"?{len(self.missing) - 1}"]))

    def _many(self, source: sources.Many, type_: Any, sets: Sets, place: Place, asked: Arguments) -> ColumnElement[str]:
        found = aliased(rows_of(type_).model)
        statement = select(found).where(source.where(place.row, found, asked))
        if source.within is None:
            statement = statement.order_by(*source.order(found))
        else:
            around = aliased(source.within[0])
            statement = statement.join(around, source.within[1](found, around)).order_by(*source.order(found, around))
        return self.listed(self.rows(type_, sets, place.within(found)), statement, place)

    def _told(self, source: sources.Told, type_: Any, sets: Sets, place: Place, asked: Arguments) -> ColumnElement[str]:
        found, at = told_rows(rows_of(type_).model, source.of(place.row))
        # It is said where they are from: of what is shown, all may hang on other rows.
        statement = select(found).select_from(found).order_by(at)
        if source.where is not None:
            statement = statement.where(source.where(place.row, found, asked))
        return self.listed(self.rows(type_, sets, place.within(found)), statement, place)

    def _late(self, source: sources.Late, row: Any, asked: Arguments, declared: Declared) -> ColumnElement[str]:
        filled = Filled(source.tell, tuple(asked.steers(name) for name in declared.arguments))
        if filled not in self.filled:
            self.filled.append(filled)
        columns: list[Piece] = []
        for place, stored in enumerate(source.columns(row, asked)):
            columns += [*([","] if place else []), or_null(as_text(func.to_json(stored)))]
        mark = joined(marked([f"{self.filled.index(filled)}[", *columns, "]"]))
        return case((source.when(row), mark), else_=text("null"))


def _are_same(one: Mapping[str, list[FieldNode]], other: Mapping[str, list[FieldNode]]) -> bool:
    """Whether two types answer these alike: the very same fields, none of which tells the type."""
    return [*one.values()] == [*other.values()] and all(nodes[0].name.value != "__typename" for nodes in one.values())


# Below what they build upon.
from schema.plan.connected import Connecting, polymorphic  # noqa: E402
