"""What a document holds, folded as far as it is constant; the rest is filled in from the coerced variables."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
)
from graphql.utilities import coerce_input_literal

from schema.plan.coercion.scalars import Uncoercible
from schema.plan.coercion.values import input_object

Fill = Callable[[Mapping[str, Any]], Any]


def filling(schema: GraphQLSchema, type_: GraphQLInputType, node: ValueNode) -> Fill:
    """Raises Uncoercible for a literal that is refused whatever the variables are."""
    if isinstance(node, VariableNode):
        return _variable(node.name.value, isinstance(type_, GraphQLNonNull))
    if isinstance(node, NullValueNode):
        if isinstance(type_, GraphQLNonNull):
            raise Uncoercible
        return lambda variables: None
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    if isinstance(type_, GraphQLList):
        nodes = node.values if isinstance(node, ListValueNode) else (node,)
        fills = [filling(schema, type_.of_type, each) for each in nodes]
        return lambda variables: [fill(variables) for fill in fills]
    if isinstance(type_, GraphQLInputObjectType):
        return _object(schema, type_, node)
    assert isinstance(type_, GraphQLScalarType | GraphQLEnumType)
    return _leaf(type_, node)


def _variable(name: str, required: bool) -> Fill:
    """One that is absent is null, which is what it is in a list."""

    def fill(variables: Mapping[str, Any]) -> Any:
        value = variables.get(name)
        if value is None and required:
            raise Uncoercible
        return value

    return fill


def _object(schema: GraphQLSchema, type_: GraphQLInputObjectType, node: ValueNode) -> Fill:
    compiled = input_object(schema, type_)
    if not isinstance(node, ObjectValueNode):
        raise Uncoercible
    fields = []
    for name, value in {field.name.value: field.value for field in node.fields}.items():
        if name not in type_.fields:
            raise Uncoercible
        variable = value.name.value if isinstance(value, VariableNode) else None
        fields.append((name, compiled.names[name], filling(schema, type_.fields[name].type, value), variable))

    def fill(variables: Mapping[str, Any]) -> Any:
        kwargs: dict[str, Any] = compiled.absent.copy()
        given = []
        for name, python_name, fill_field, variable in fields:
            if variable is None or variable in variables:
                kwargs[python_name] = fill_field(variables)
                given.append(name)
        return compiled.make(given, kwargs)

    return fill


def _leaf(type_: GraphQLScalarType | GraphQLEnumType, node: ValueNode) -> Fill:
    # A scalar whose literals may hold variables wants them as they were sent, which we no longer have.
    if _holds_variable(node):
        raise Uncoercible
    value = coerce_input_literal(node, type_)
    if value is Undefined:
        raise Uncoercible
    if isinstance(value, Hashable):
        return lambda variables: value
    return lambda variables: coerce_input_literal(node, type_)


def _holds_variable(node: ValueNode) -> bool:
    if isinstance(node, ListValueNode):
        return any(map(_holds_variable, node.values))
    if isinstance(node, ObjectValueNode):
        return any(_holds_variable(field.value) for field in node.fields)
    return isinstance(node, VariableNode)
