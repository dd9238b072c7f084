"""What JSON holds, coerced to the type of an input."""

from collections.abc import Collection
from dataclasses import MISSING
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    is_required_input_field,
)

from schema.plan.coercion.places import DEFINITION, named
from schema.plan.coercion.scalars import Coerce, Uncoercible, leaf

_COMPILED: Final = "leporello-compiled"


def coercing(schema: GraphQLSchema, type_: GraphQLInputType) -> Coerce:
    """Coerces what orjson has read; raises Uncoercible, or whatever else, for what is refused."""
    if isinstance(type_, GraphQLNonNull):
        return _coercing_present(schema, type_.of_type)
    coerce = _coercing_present(schema, type_)
    return lambda value: None if value is None else coerce(value)


def _coercing_present(schema: GraphQLSchema, type_: GraphQLInputType) -> Coerce:
    """Raises for null as well."""
    if isinstance(type_, GraphQLList):
        return _list(coercing(schema, type_.of_type))
    if isinstance(type_, GraphQLInputObjectType):
        return input_object(schema, type_).coerce
    assert isinstance(type_, GraphQLScalarType | GraphQLEnumType)
    return leaf(type_)


def _list(coerce: Coerce) -> Coerce:
    def coerce_list(value: Any) -> list[Any]:
        if type(value) is list:
            return [coerce(each) for each in value]
        if value is None:
            raise Uncoercible
        return [coerce(value)]

    return coerce_list


class InputObject:
    """An input as Strawberry makes it: by Python's names, with what was left out as its class says."""

    def __init__(self, schema: GraphQLSchema, type_: GraphQLInputObjectType) -> None:
        definition = type_.extensions[DEFINITION]
        if definition.from_input is not None:
            raise Uncoercible
        self._make = definition.origin
        self._is_one_of = definition.is_one_of
        self._required = [name for name, field in type_.fields.items() if is_required_input_field(field)]
        places = {name: named(schema, name, field, definition) for name, field in type_.fields.items()}
        self.names = {name: python_name for name, (python_name, _) in places.items()}
        self._defaults = [(name, python_name, default) for name, (python_name, default) in places.items() if default]
        self._fields = {name: (self.names[name], coercing(schema, field.type)) for name, field in type_.fields.items()}
        #: What has no default in Python either is None.
        self.absent = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }

    def coerce(self, value: Any) -> Any:
        """What is no dict has no items, and a name that is unknown is not found: both raise."""
        fields = self._fields
        kwargs: dict[str, Any] = self.absent.copy()
        for name, given in value.items():
            python_name, coerce = fields[name]
            kwargs[python_name] = coerce(given)
        return self.make(value, kwargs)

    def make(self, given: Collection[str], kwargs: dict[str, Any]) -> Any:
        """The instance, from GraphQL's names of what was given and, by Python's names, the coerced values."""
        for name in self._required:
            if name not in given:
                raise Uncoercible
        for name, python_name, default in self._defaults:
            if name not in given:
                kwargs[python_name] = default()
        if self._is_one_of:
            (only,) = given
            if kwargs[self.names[only]] is None:
                raise Uncoercible
        return self._make(**kwargs)


def input_object(schema: GraphQLSchema, type_: GraphQLInputObjectType) -> InputObject:
    """Compiled once, and kept beside the type."""
    if _COMPILED not in type_.extensions:
        # graphql-core counts how deep values are nested; without inputs that hold themselves none is too deep.
        type_.extensions[_COMPILED] = None
        try:
            type_.extensions[_COMPILED] = InputObject(schema, type_)
        except Uncoercible:
            del type_.extensions[_COMPILED]
            raise
    compiled: InputObject | None = type_.extensions[_COMPILED]
    if compiled is None:
        raise Uncoercible
    return compiled
