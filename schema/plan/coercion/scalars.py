"""Leaves: each takes what clients mostly send by itself, and leaves what is rarer, good or bad, to graphql-core."""

from collections.abc import Callable
from typing import Any, Final

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
)

Coerce = Callable[[Any], Any]
#: orjson refuses what is larger; other readers of JSON make it infinity.
_LARGEST: Final = 1.7976931348623157e308
#: Up to here every whole number is a float.
_EXACT: Final = 2**53


class Uncoercible(Exception):
    """What graphql-core or Strawberry would refuse, or what is not compiled."""


def _float(value: Any) -> Any:
    if type(value) is float and -_LARGEST <= value <= _LARGEST:
        return value
    if type(value) is int and -_EXACT <= value <= _EXACT:
        return float(value)
    return GraphQLFloat.coerce_input_value(value)


def _int(value: Any) -> Any:
    if type(value) is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT:
        return value
    return GraphQLInt.coerce_input_value(value)


def _string(value: Any) -> Any:
    return value if type(value) is str else GraphQLString.coerce_input_value(value)


def _id(value: Any) -> Any:
    return value if type(value) is str else GraphQLID.coerce_input_value(value)


_BUILT_IN: Final[dict[GraphQLScalarType, Coerce]] = {
    GraphQLFloat: _float,
    GraphQLInt: _int,
    GraphQLString: _string,
    GraphQLID: _id,
    GraphQLBoolean: GraphQLBoolean.coerce_input_value,
}


def leaf(type_: GraphQLScalarType | GraphQLEnumType) -> Coerce:
    """Raises, one thing or another, for what it refuses, and for null."""
    if isinstance(type_, GraphQLEnumType):
        return {name: type_.coerce_input_value(name) for name in type_.values}.__getitem__
    return _BUILT_IN.get(type_) or _custom(type_.coerce_input_value)


def _custom(coerce: Coerce) -> Coerce:
    def coerce_defined(value: Any) -> Any:
        coerced = Undefined if value is None else coerce(value)
        if coerced is Undefined:
            raise Uncoercible
        return coerced

    return coerce_defined
