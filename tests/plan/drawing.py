"""Operations, drawn at random from a schema: valid, and as twisted as the specification lets them be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
)

#: What is not the id of anything.
NO_IDS = ("nonsense", "", "bk_", "zz_00000000-0000-4000-8000-000000000000", "bk_00000000-0000-4000-8000-000000000000")
#: Parts of the names of some.
NAMES = ("", "PLAIN", "\u00c9", "zzz", "%")
NO_CURSORS = ("", "nonsense", "W10", "WyJhIl0=", "WyIyMDI0LTAxLTAxIiwiYSJd", "e30=", "\u00e9")
_PREFIXES = {"book": "bk", "page": "pg"}
#: How often a selection in a type is a fragment; of most it is seldom one.
_FRAGMENTS = {"Node": 0.75, "Element": 0.45}
_ALIASES = (
    *["id", "title", "name", "x", "y", "width", "book", "node", "image", "page", "cover", "role", "email", "seq"],
    "_",
    "toString",
    "nodes",
)
FIRSTS = (1, 2, 3, 5, 20, 100)
NO_FIRSTS = (0, 101, -1, 2**31 - 1)


@dataclass(frozen=True)
class Drawn:
    """The text of an operation, and the variables that are sent with it."""

    text: str
    variables: dict[str, Any]


class Draw:
    """One operation. Its response keys mean one thing each, so that whatever lands under one can be merged."""

    def __init__(
        self, schema: GraphQLSchema, seed: int, ids: Mapping[str, Sequence[str]], cursors: Sequence[str]
    ) -> None:
        self._schema = schema
        self._chance = Random(seed)
        self._ids = ids
        self._cursors = cursors
        self._left = self._chance.choice((3, 7, 14, 24))
        self._keys: dict[str, tuple[str, str, str]] = {}
        self._fragments: dict[str, tuple[Any, str]] = {}
        self._open: list[str] = []
        self._defined: list[str] = []
        self._sent: dict[str, Any] = {}
        self._variables: dict[str, list[str]] = {}

    def drawn(self) -> Drawn:
        selections = self._selections(self._schema.query_type, 0)
        fragments = [f"fragment {name} on {type_} {body}" for name, (type_, body) in self._fragments.items()]
        variables = f"({', '.join(self._defined)})" if self._defined else ""
        return Drawn("\n".join([f"query Drawn{variables} {selections}", *fragments]), self._sent)

    def _is(self, probability: float) -> bool:
        return self._chance.random() < probability

    def _selections(self, type_: Any, depth: int) -> str:
        chosen: list[str] = []
        for _ in range(self._chance.choice((1, 2, 3, 4, 6))):
            if self._left <= 0 and chosen:
                break
            self._left -= 1
            chosen.append(self._selection(type_, depth))
        return "{ " + " ".join(chosen) + " }"

    def _selection(self, type_: Any, depth: int) -> str:
        if self._is(0.12):
            return f"__typename{self._directive()}"
        if self._is(_FRAGMENTS.get(type_.name, 0.15)) and depth < 7:
            return self._fragment(type_, depth)
        return self._field(type_, depth)

    # Fragments

    def _fragment(self, type_: Any, depth: int) -> str:
        condition = self._chance.choice([*self._overlapping(type_)])
        if self._is(0.5):
            on = "" if condition is type_ and self._is(0.5) else f" on {condition}"
            return f"...{on}{self._directive()} {self._selections(condition if on else type_, depth)}"
        known = [
            name
            for name, (on, _) in self._fragments.items()
            if name not in self._open and any(on is each for each in self._overlapping(type_))
        ]
        if known and self._is(0.4):
            return f"...{self._chance.choice(known)}{self._directive()}"
        name = f"F{len(self._fragments)}"
        self._fragments[name] = condition, ""
        self._open.append(name)
        self._fragments[name] = condition, self._selections(condition, depth)
        self._open.remove(name)
        return f"...{name}{self._directive()}"

    def _overlapping(self, type_: Any) -> Iterator[Any]:
        possible = self._possible(type_)
        for each in self._schema.type_map.values():
            if is_composite_type(each) and not each.name.startswith("__") and possible & self._possible(each):
                yield each

    def _possible(self, type_: Any) -> set[str]:
        return (
            {each.name for each in self._schema.get_possible_types(type_)} if is_abstract_type(type_) else {type_.name}
        )

    # Fields

    def _field(self, type_: Any, depth: int) -> str:
        fields: list[tuple[str, GraphQLField]] = [*type_.fields.items()]
        leaves = [(name, each) for name, each in fields if not is_composite_type(get_named_type(each.type))]
        if leaves and (self._left <= 0 or depth > 7 or self._is(0.4)):
            fields = leaves
        # Every kind of thing is looked for by `node`, which takes its time to plan.
        likely = [each for each in fields if not each[0].startswith("node") or self._is(0.25)]
        name, definition = self._chance.choice(likely or fields)
        arguments = self._arguments(name, definition)
        key = self._key(name, str(definition.type), arguments)
        alias = "" if key == name else f"{key}: "
        inner = get_named_type(definition.type)
        below = f" {self._selections(inner, depth + 1)}" if is_composite_type(inner) else ""
        again = ""
        if below and self._is(0.15):
            # The same field once more, to be merged.
            again = f" {alias}{name}{arguments}{self._directive()} {self._selections(inner, depth + 1)}"
        return f"{alias}{name}{arguments}{self._directive()}{below}{again}"

    def _key(self, name: str, type_: str, arguments: str) -> str:
        """One that is free, or has this meaning already."""
        meaning = name, type_, arguments
        if not self._is(0.2):
            known = [key for key, each in self._keys.items() if each == meaning]
            key = self._chance.choice(known) if known else name
            if self._keys.setdefault(key, meaning) == meaning:
                return key
        # Names of other fields among them.
        key = self._chance.choice(_ALIASES)
        while self._keys.setdefault(key, meaning) != meaning:
            key = f"a{self._chance.randrange(10**6)}"
        return key

    def _arguments(self, field: str, definition: GraphQLField) -> str:
        given = [
            f"{name}: {text}"
            for name, argument in definition.args.items()
            if (text := self._argument(field if name == "id" else name, argument)) is not None
        ]
        self._chance.shuffle(given)
        return f"({', '.join(given)})" if given else ""

    # Values

    def _argument(self, name: str, argument: GraphQLArgument) -> str | None:
        is_required = isinstance(argument.type, GraphQLNonNull)
        can_miss = not is_required or argument.default_value is not Undefined
        if can_miss and self._is(0.35):
            return None
        if not is_required and self._is(0.1):
            return "null"
        if self._is(0.4):
            return self._variable(name, argument.type, has_default=argument.default_value is not Undefined)
        return self._literal(argument.type, self._value(name, argument.type))

    def _value(self, name: str, type_: Any) -> Any:
        inner = get_named_type(type_)
        if name == "ids":
            return [self._id() for _ in range(self._chance.choice((0, 1, 3, 8) if self._is(0.97) else (101,)))]
        if get_named_type(type_).name == "ID":
            return self._id(_PREFIXES.get(name))
        if name == "first":
            return self._chance.choice(FIRSTS if self._is(0.95) else NO_FIRSTS)
        if name == "after":
            return self._chance.choice(self._cursors if self._is(0.9) else NO_CURSORS)
        if name == "name":
            return self._chance.choice(NAMES)
        if isinstance(inner, GraphQLEnumType):
            return self._chance.choice([*inner.values])
        assert inner.name == "Boolean"
        return self._is(0.5)

    def _id(self, likely: str | None = None) -> str:
        if self._is(0.1):
            return self._chance.choice(NO_IDS)
        prefix = likely if likely and self._is(0.9) else self._chance.choice((*self._ids, "bk", "el"))
        return self._chance.choice(self._ids[prefix])

    def _literal(self, type_: Any, value: Any) -> str:
        inner = get_named_type(type_)
        if isinstance(value, list):
            if len(value) == 1 and self._is(0.5):
                # A list of one needs no brackets.
                return self._literal(inner, value[0])
            return f"[{', '.join(self._item(each, inner) for each in value)}]"
        if value is None:
            return "null"
        if isinstance(inner, GraphQLEnumType):
            return str(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if inner.name == "ID" and self._is(0.05):
            return str(self._chance.randrange(-5, 10**12))
        if self._is(0.1):
            return f'"""{value}"""'
        return f'"{value}"'

    def _item(self, value: Any, type_: Any) -> str:
        if self._is(0.1):
            return self._variable("node", GraphQLNonNull(type_), has_default=False)
        return self._literal(type_, value)

    def _variable(self, name: str, type_: Any, *, has_default: bool) -> str:
        """One for a place of this type, made or used again, with all that may be sent for it."""
        known = self._variables.setdefault(f"{name} {type_}", [])
        if known and self._is(0.4):
            return self._chance.choice(known)
        variable = f"$v{len(self._defined)}"
        known.append(variable)
        is_required = isinstance(type_, GraphQLNonNull)
        nullable = type_.of_type if is_required else type_
        default = ""
        if self._is(0.3) or (is_required and not has_default and self._is(0.2)):
            default = f" = {self._constant(nullable, self._value(name, nullable))}"
        # A place that must have a value takes a variable that may be null, where it or the variable has a default.
        may_be_null = (has_default or bool(default)) if is_required else self._is(0.7)
        if is_required and may_be_null:
            may_be_null = self._is(0.5)
        declared = nullable if may_be_null else GraphQLNonNull(nullable)
        self._defined.append(f"{variable}: {declared}{default}")
        if (may_be_null or default) and self._is(0.3):
            return variable
        if may_be_null and self._is(0.15):
            self._sent[variable[1:]] = None
            return variable
        value = self._value(name, nullable)
        self._sent[variable[1:]] = value[0] if is_list_type(nullable) and len(value) == 1 and self._is(0.5) else value
        return variable

    def _constant(self, type_: Any, value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join(self._literal(get_named_type(type_), each) for each in value)}]"
        return self._literal(type_, value)

    def _directive(self) -> str:
        if not self._is(0.1):
            return ""
        boolean = GraphQLNonNull(self._schema.type_map["Boolean"])  # type: ignore[type-var]
        condition = (
            self._variable("if", boolean, has_default=False) if self._is(0.6) else self._literal(boolean, self._is(0.5))
        )
        return f" @{self._chance.choice(('skip', 'include'))}(if: {condition})"
