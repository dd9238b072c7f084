"""Compiled inputs are what graphql-core and Strawberry make of them together, or are refused as theirs are."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest
import strawberry
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSkipDirective,
    OperationDefinitionNode,
    get_variable_values,
    parse,
)
from graphql.execution import get_argument_values
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import convert_argument, convert_arguments
from strawberry.types.base import StrawberryList, StrawberryOptional

import schema
from schema.base import COLOR, Color
from schema.plan.coercion import Uncoercible, arguments_of, variables_of

T = TypeVar("T")
#: Each failure prints the input that it failed with, and how to draw it again.
drawn = settings(max_examples=60, deadline=None, print_blob=True, database=None)


# What our own contract does not have, or has but once.


@strawberry.enum
class Size(Enum):
    SMALL = 1
    LARGE = strawberry.enum_value("large", name="HUGE")


@strawberry.input(one_of=True)
class Either:
    number: int | None = strawberry.UNSET
    sizes: list[Size | None] | None
    text: str | None = strawberry.UNSET


@strawberry.input
class Box(Generic[T]):
    inside: T
    also: list[T] | None = None


@strawberry.input
class Odd:
    flag: bool
    rows: list[list[int | None]] = strawberry.field(default_factory=lambda: [[1], [None]])
    size: Size = Size.LARGE
    either: Either | None = strawberry.field(default_factory=lambda: Either(number=3, sizes=None))
    box: Box[float] | None = strawberry.UNSET
    crate: Box[float] = strawberry.field(default_factory=lambda: {"inside": 2.5})
    names: Box[str] = strawberry.field(default_factory=lambda: Box(inside="x"))
    from_: date | None = strawberry.field(default=None, name="from")
    at: datetime | None = strawberry.UNSET
    amount: Decimal | None = Decimal("1.5")
    key: UUID | None = strawberry.UNSET
    anything: JSON | None = strawberry.field(default_factory=lambda: {"a": [1]})
    nothing_said: int | None
    said_required: int = strawberry.UNSET


@strawberry.type
class OddQuery:
    @strawberry.field
    def odd(
        self,
        odd: Odd,
        odds: list[Odd] | None = strawberry.UNSET,
        limit: int = 20,
        sizes: list[Size] = [Size.SMALL],  # noqa: B006
        box: Box[float] | None = None,
        either: Either | None = strawberry.UNSET,
        anything: JSON | None = strawberry.UNSET,
    ) -> bool:
        return True


SCHEMAS = {"ours": schema.build(), "odd": strawberry.Schema(OddQuery)}
WRAPPED: tuple[Callable[[Any], Any], ...] = (
    lambda type_: type_,
    GraphQLNonNull,
    GraphQLList,
    lambda type_: GraphQLNonNull(GraphQLList(GraphQLNonNull(type_))),
    lambda type_: GraphQLNonNull(GraphQLList(type_)),
    lambda type_: GraphQLList(GraphQLList(type_)),
)
INPUTS = [
    (name, type_.name)
    for name, of in SCHEMAS.items()
    for type_ in of._schema.type_map.values()
    if isinstance(type_, GraphQLScalarType | GraphQLEnumType | GraphQLInputObjectType)
    if not type_.name.startswith("__")
]
FIELDS = [
    (name, f"{type_.name}.{field_name}")
    for name, of in SCHEMAS.items()
    for type_ in of._schema.type_map.values()
    if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
    for field_name, field_ in type_.fields.items()
    if field_.args
]

# Values


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53, 2**53 + 1, 2**64, 1e300, math.inf, math.nan])
    | st.integers(-3, 3)
    | st.floats(-3, 3)
    | st.integers(-3, 3).map(float)
    | st.sampled_from(["", "1", "SMALL", "1.5", "é\U0001f4d6", "true"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "id", "bogus"]), inner, max_size=2)
    ),
    max_leaves=4,
)
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "Int": st.integers(-(2**31), 2**31 - 1),
    "Float": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5),
    "String": st.text(max_size=3),
    "ID": st.text(max_size=3) | st.integers(0, 9),
    "Boolean": st.booleans(),
    "Color": st.just("#00ff00"),
    "JSON": junk,
    "DateTime": st.datetimes().map(datetime.isoformat),
    "Date": st.dates().map(date.isoformat),
    "Decimal": st.decimals(-9, 9, places=2).map(str),
    "UUID": st.uuids().map(str),
}


def good(type_: GraphQLInputType) -> st.SearchStrategy[Any]:
    """What the type takes."""
    if isinstance(type_, GraphQLNonNull):
        return good(type_.of_type)
    if isinstance(type_, GraphQLList):
        items = good(type_.of_type)
        return st.lists(items, max_size=3) | items
    if isinstance(type_, GraphQLEnumType):
        return st.sampled_from(sorted(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        fields = {name: good(field_.type) for name, field_ in type_.fields.items()}
        if type_.extensions["strawberry-definition"].is_one_of:
            return st.one_of([st.fixed_dictionaries({name: value}) for name, value in fields.items()])
        needed = {name for name, field_ in type_.fields.items() if isinstance(field_.type, GraphQLNonNull)}
        return st.fixed_dictionaries(
            {name: value for name, value in fields.items() if name in needed},
            optional={name: st.none() | value for name, value in fields.items() if name not in needed},
        )
    return GOOD[type_.name]


@st.composite
def values(draw: st.DrawFn, type_: GraphQLInputType) -> Any:
    """What the type takes, or that with something wrong somewhere."""
    return spoilt(draw, draw(good(type_))) if draw(st.booleans()) else draw(good(type_))


def spoilt(draw: st.DrawFn, value: Any) -> Any:
    if value and isinstance(value, dict | list) and draw(st.integers(0, 3)):
        copy: Any = value.copy()
        at = draw(st.sampled_from(sorted(copy) if isinstance(copy, dict) else range(len(copy))))
        if draw(st.integers(0, 3)):
            copy[at] = spoilt(draw, copy[at])
        else:
            del copy[at]
        return copy
    if isinstance(value, dict) and draw(st.booleans()):
        return value | {draw(st.sampled_from(["bogus", "x", "number", "fill"])): draw(junk)}
    return draw(st.just([value]) | st.none() | junk)


# Literals, with variables in them


@dataclass
class Asked:
    """A field's arguments as a document holds them, and the variables that came with it."""

    draw: st.DrawFn
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)

    def literal(self, type_: Any, value: Any, varies: bool = True) -> str:
        if varies and not self.draw(st.integers(0, 3)):
            return self.variable(type_, value)
        inner: Any = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(value, list):
            item = inner.of_type if isinstance(inner, GraphQLList) else None
            return f"[{', '.join(self.literal(item, each, varies and item is not None) for each in value)}]"
        while isinstance(inner, GraphQLList | GraphQLNonNull):
            inner = inner.of_type
        if isinstance(value, dict):
            types = {name: of.type for name, of in getattr(inner, "fields", {}).items()}
            told = [f"{name}: {self.literal(types.get(name), value[name], varies and name in types)}" for name in value]
            return f"{{{', '.join(told)}}}"
        if isinstance(inner, GraphQLEnumType) and value in inner.values:
            return str(value)
        # A document has no word for what is no number.
        return "0.5" if isinstance(value, float) and not math.isfinite(value) else json.dumps(value)

    def variable(self, type_: GraphQLInputType, value: Any) -> str:
        """One of this very type, there or not, with a default or without, as validation lets it be used here."""
        name = f"v{len(self.declared)}"
        default = ""
        of = str(type_)
        if not self.draw(st.integers(0, 2)):
            of = of[:-1] if of.endswith("!") else f"{of}!"
        if not self.draw(st.integers(0, 2)):
            default = f" = {self.literal(type_, self.draw(good(type_)), varies=False)}"
        self.declared.append(f"${name}: {of}{default}")
        if self.draw(st.booleans()):
            self.variables[name] = self.draw(st.just(value) | st.just(value) | st.none())
        return f"${name}"


@st.composite
def arguments(draw: st.DrawFn, of: GraphQLField) -> tuple[str, dict[str, Any]]:
    """A document that asks for a field, and its variables."""
    asked = Asked(draw)
    told = [
        f"{name}: {asked.literal(argument.type, draw(values(argument.type)))}"
        for name, argument in of.args.items()
        if draw(st.integers(0, 4))
    ]
    declared = f"({', '.join(asked.declared)})" if asked.declared else ""
    passed = f"({', '.join(told)})" if told else ""
    return f"query {declared} {{ it{passed} }}", asked.variables


# What is compared


def outcome(coerce: Callable[[], Any]) -> str:
    """What came out, told so that types are told too, or that it was refused."""
    try:
        return repr(coerce())
    except (Uncoercible, GraphQLError):
        return "refused"


def operation_of(document: str) -> OperationDefinitionNode:
    [operation] = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def coerced(of: strawberry.Schema, operation: OperationDefinitionNode, variables: dict[str, Any]) -> Any:
    """By graphql-core."""
    taken = get_variable_values(of._schema, operation.variable_definitions or (), variables)
    if isinstance(taken, list):
        raise taken[0]
    return taken


def python_type(type_: GraphQLInputType) -> Any:
    if isinstance(type_, GraphQLNonNull):
        return python_type(type_.of_type)
    if isinstance(type_, GraphQLList):
        return StrawberryList(StrawberryOptional(python_type(type_.of_type)))
    definition = type_.extensions.get("strawberry-definition")
    return getattr(definition, "origin", None) or getattr(definition, "wrapped_cls", None) or str


@pytest.mark.parametrize(("name", "type_name"), INPUTS)
@drawn
@given(data=st.data())
def test_a_variable_is_what_graphql_core_and_strawberry_make_of_it(
    name: str, type_name: str, data: st.DataObject
) -> None:
    of = SCHEMAS[name]
    type_ = data.draw(st.sampled_from(WRAPPED))(of._schema.type_map[type_name])
    variables = {"v": data.draw(values(type_))}
    operation = operation_of(f"query ($v: {type_}) {{ it }}")

    def theirs() -> Any:
        value = coerced(of, operation, variables).coerced["v"]
        return {"v": convert_argument(value, python_type(type_), of.schema_converter.scalar_registry, of.config)}

    assert outcome(lambda: variables_of(of._schema, operation)(variables)) == outcome(theirs)


EDGES = [0, 1, *(sign * (1 << bits) + by for bits in (31, 53, 63, 64) for sign in (1, -1) for by in (-1, 0, 1))]


@pytest.mark.parametrize(("name", "type_name"), INPUTS)
def test_numbers_are_taken_up_to_the_very_limit(name: str, type_name: str) -> None:
    of = SCHEMAS[name]
    operation = operation_of(f"query ($v: {type_name}) {{ it }}")
    if isinstance(of._schema.type_map[type_name], GraphQLInputObjectType | GraphQLEnumType):
        return

    def theirs(variables: dict[str, Any]) -> Any:
        return coerced(of, operation, variables).coerced

    for edge in (*EDGES, *map(float, EDGES), 1.7e308, -1.7e308, math.inf, -math.inf, math.nan, True, -0.0, 0.5, None):
        given = {"v": edge}
        assert outcome(partial(variables_of(of._schema, operation), given)) == outcome(partial(theirs, given))


@pytest.mark.parametrize(("name", "place"), FIELDS)
@drawn
@given(data=st.data())
def test_arguments_are_what_a_resolver_is_called_with(name: str, place: str, data: st.DataObject) -> None:
    of = SCHEMAS[name]
    type_name, field_name = place.split(".")
    type_ = of._schema.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    field_ = type_.fields[field_name]
    document, variables = data.draw(arguments(field_))
    operation = operation_of(document)
    [node] = operation.selection_set.selections
    assert isinstance(node, FieldNode)

    def theirs() -> Any:
        values = get_argument_values(field_, node, coerced(of, operation, variables))
        definition = field_.extensions["strawberry-definition"]
        return convert_arguments(values, definition.arguments, of.schema_converter.scalar_registry, of.config)

    def ours() -> Any:
        return arguments_of(of._schema, field_, node)(variables_of(of._schema, operation)(variables))

    assert outcome(ours) == outcome(theirs)


def compiled(of: strawberry.Schema, document: str, field_name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What a field of the query is called with, by the variables."""
    operation = operation_of(document)
    [node] = operation.selection_set.selections
    assert isinstance(node, FieldNode) and of._schema.query_type
    coerce = arguments_of(of._schema, of._schema.query_type.fields[field_name], node)
    variables = variables_of(of._schema, operation)
    return lambda given: coerce(variables(given))


@pytest.mark.parametrize("document", ["{ it(odd: {flag: true, saidRequired: 1, anything: [1]}) }", "{ it(odd: $odd) }"])
def test_what_one_resolver_is_passedit_may_change(document: str) -> None:
    document = document if "$" not in document else f"query ($odd: Odd = {{flag: true, saidRequired: 1}}) {document}"
    coerce = compiled(SCHEMAS["odd"], document, "odd")
    first = coerce({})
    told = repr(first)
    first["sizes"].append(Size.SMALL)
    odd = first["odd"]
    odd.rows[0].append(2)
    odd.either.number = odd.crate.inside = odd.names.inside = odd.size = None
    assert repr(first) != told == repr(coerce({}))


def test_the_arguments_of_directives_are_coerced_too() -> None:
    operation = operation_of("query ($some: Boolean = false) { it @include(if: $some) @skip(if: true) }")
    include, skip = operation.selection_set.selections[0].directives or ()
    of = SCHEMAS["ours"]._schema
    assert arguments_of(of, GraphQLIncludeDirective, include)(variables_of(of, operation)(None)) == {"if": False}
    assert arguments_of(of, GraphQLSkipDirective, skip)({}) == {"if": True}


@strawberry.input
class Nesting:
    inside: "Nesting | None" = strawberry.UNSET


@strawberry.input
class Perhaps:
    text: strawberry.Maybe[str]


@strawberry.type
class UncompiledQuery:
    @strawberry.field
    def it(
        self,
        nesting: Nesting | None = strawberry.UNSET,
        perhaps: Perhaps | None = strawberry.UNSET,
        color: Color | None = strawberry.UNSET,
    ) -> bool:
        return True

    @strawberry.field
    def node(self, id: strawberry.relay.GlobalID) -> bool:
        return True


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("query ($x: Nesting) { it(nesting: $x) }", "it"),
        ("{ it(nesting: {inside: null}) }", "it"),
        ("query ($x: Perhaps) { it(perhaps: $x) }", "it"),
        ("query ($x: Int) { it(color: {x: [$x]}) }", "it"),
        ("query ($x: ID!) { node(id: $x) }", "node"),
    ],
)
def test_what_is_not_compiled_is_left_to_the_ordinary_way(document: str, name: str) -> None:
    config: Any = StrawberryConfig(scalar_map={Color: COLOR})
    of = strawberry.Schema(UncompiledQuery, config=config)
    for _ in range(2):
        with pytest.raises(Uncoercible):
            compiled(of, document, name)


def test_what_an_input_raises_when_it_is_made_is_left_to_its_resolver() -> None:
    @strawberry.input
    class Even:
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("odd")

    @strawberry.type
    class EvenQuery:
        @strawberry.field
        def it(self, even: Even) -> bool:
            return True

    coerce = compiled(strawberry.Schema(EvenQuery), "query ($even: Even!) { it(even: $even) }", "it")
    assert coerce({"even": {"number": 2}}) == {"even": Even(number=2)}
    with pytest.raises(Uncoercible):
        coerce({"even": {"number": 3}})
