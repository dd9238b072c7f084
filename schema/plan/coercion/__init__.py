"""Inputs, compiled: from what the JSON of a request holds to what a resolver is given, in one pass.

graphql-core coerces every value and Strawberry then converts it, both asking anew what its type is; here that is
asked once. What they would refuse, and the little that is not compiled, raises Uncoercible: whoever calls then goes
the ordinary way, which says what is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    FieldNode,
    GraphQLDirective,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    is_input_type,
    is_non_null_type,
    is_required_argument,
    type_from_ast,
)

from schema.plan.coercion.literals import Fill, filling
from schema.plan.coercion.places import Default, named
from schema.plan.coercion.scalars import Uncoercible
from schema.plan.coercion.values import coercing

__all__ = ["Uncoercible", "arguments_of", "variables_of"]


def variables_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> Callable[[Mapping[str, Any] | None], dict[str, Any]]:
    """Coerces the variables of a validated operation; inputs are instances already.

    A variable that is used twice is one instance: a resolver must not change what it is given.
    """
    variables = []
    for definition in operation.variable_definitions or ():
        type_ = type_from_ast(schema, definition.type)
        if not is_input_type(type_):
            raise Uncoercible
        default = filling(schema, type_, definition.default_value) if definition.default_value else None
        variables.append((definition.variable.name.value, coercing(schema, type_), default, is_non_null_type(type_)))

    def coerce(given: Mapping[str, Any] | None) -> dict[str, Any]:
        coerced = {}
        try:
            for name, coerce_value, default, is_required in variables:
                if given is not None and name in given:
                    coerced[name] = coerce_value(given[name])
                elif default is not None:
                    coerced[name] = default({})
                elif is_required:
                    raise Uncoercible
        # Whatever a scalar raises is a refusal; what an input's own constructor raises is told by its resolver.
        except Exception as error:
            raise Uncoercible from error
        return coerced

    return coerce


def arguments_of(
    schema: GraphQLSchema, field: GraphQLField | GraphQLDirective, node: FieldNode | DirectiveNode
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """The arguments of a resolver by their Python names, from the variables that `variables_of` has coerced.

    Those left out are not there. Raises Uncoercible for a bad literal when it is compiled, else when it is called.
    """
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    slots: list[tuple[str, Fill, str | None, Default | None]] = []
    for name, argument in field.args.items():
        python_name, default = named(schema, name, argument)
        value, is_required = given.get(name), is_required_argument(argument)
        if value is not None:
            # A variable that must be there is filled in without a look, and refused if it is not.
            skipped = value.name.value if isinstance(value, VariableNode) and not is_required else None
            slots.append((python_name, filling(schema, argument.type, value), skipped, default))
        elif default is not None:
            slots.append((python_name, _always(default), None, None))
        elif is_required:
            raise Uncoercible

    def coerce(variables: Mapping[str, Any]) -> dict[str, Any]:
        coerced = {}
        try:
            for name, fill, variable, default in slots:
                if variable is None or variable in variables:
                    coerced[name] = fill(variables)
                elif default is not None:
                    coerced[name] = default()
        except Exception as error:  # As above.
            raise Uncoercible from error
        return coerced

    return coerce


def _always(default: Default) -> Fill:
    return lambda variables: default()
