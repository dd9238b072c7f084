"""How many objects each field of the schema can give: known before any operation is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_interface_type,
    is_object_type,
)

from resolvers.connection import DEFAULT, MOST

_ONCE: Final = (None, "book")


class Undeclared(Exception):
    """Lists of the schema that do not say how long they can be: a mistake of whoever declared them."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a field gives: rows of a type, at most so many for each parent."""

    type: GraphQLNamedType
    most: int = 1
    #: The rows of all parents in one book are different ones: there are `most` of them in the book.
    once_a_book: bool = False
    connects: bool = False
    #: The argument that says how many are asked for, or which; and how many they are without it.
    argument: str | None = None
    unsaid: int = 1


class Fields:
    """The fields that lead to objects. Raises Undeclared when a list among them has no cap."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        types = [kind for name, kind in schema.type_map.items() if is_object_type(kind) and not name.startswith("__")]
        node = schema.type_map.get("Node")
        self._connections = {kind.name for kind in types if kind.name.endswith("Connection")}
        nodes = schema.get_possible_types(node) if is_interface_type(node) else ()
        #: The types whose objects count.
        self.counted: Final = {kind.name for kind in nodes}
        self._leading = self._leading_to_counted(types)
        undeclared: list[str] = []
        self._fields: dict[str, dict[str, Field]] = {}
        for kind in types:
            self._fields[kind.name] = {}
            for name, field in kind.fields.items():
                if get_named_type(field.type).name not in self._leading:
                    continue
                if (found := self._field(kind, name, field)) is None:
                    undeclared.append(f"{kind.name}.{name}")
                else:
                    self._fields[kind.name][name] = found
        if undeclared:
            raise Undeclared(f"How long can these lists be? {', '.join(undeclared)}")

    def of(self, kind: str, name: str) -> Field | None:
        """None for a field that leads to nothing that counts."""
        return self._fields[kind].get(name)

    def _leading_to_counted(self, types: list[GraphQLObjectType]) -> set[str]:
        leading = set(self.counted)
        before = -1
        while len(leading) > before:
            before = len(leading)
            leading |= {
                kind.name
                for kind in types
                if any(get_named_type(field.type).name in leading for field in kind.fields.values())
            }
            leading |= {
                kind.name
                for kind in self._schema.type_map.values()
                if is_abstract_type(kind) and any(one.name in leading for one in self._schema.get_possible_types(kind))
            }
        return leading

    def _field(self, kind: GraphQLObjectType, name: str, field: GraphQLField) -> Field | None:
        """None when it is a list that does not say how long it can be."""
        target = get_named_type(field.type)
        nullable = get_nullable_type(field.type)
        if target.name in self._connections:
            if nullable is not target or "first" not in field.args:
                return None
            return Field(target, MOST, connects=True, argument="first", unsaid=DEFAULT)
        # Those of a connection are as long as the connection itself.
        if not isinstance(nullable, GraphQLList) or kind.name in self._connections:
            return Field(target)
        told = _metadata(field)
        cap, once_a, argument = told.get("cap"), told.get("once_a"), told.get("by")
        if not isinstance(cap, int) or once_a not in _ONCE or (argument is not None and argument not in field.args):
            return None
        if isinstance(get_nullable_type(nullable.of_type), GraphQLList):
            return None
        return Field(target, cap, once_a_book=once_a == "book", argument=argument, unsaid=cap)


def _metadata(field: GraphQLField) -> Mapping[Any, Any]:
    return getattr(field.extensions.get("strawberry-definition"), "metadata", None) or {}
