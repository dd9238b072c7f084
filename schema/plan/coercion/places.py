"""Where an input stands, an argument or a field of an input: what Strawberry calls it, and its default."""

from collections.abc import Callable, Hashable
from typing import Any

from graphql import GraphQLArgument, GraphQLInputField, GraphQLSchema, Undefined
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry.relay import GlobalID
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.base import StrawberryContainer, StrawberryMaybe

from schema.plan.coercion.scalars import Uncoercible

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
Default = Callable[[], Any]


def named(
    schema: GraphQLSchema, name: str, place: GraphQLArgument | GraphQLInputField, parent: Any = None
) -> tuple[str, Default | None]:
    """Its name in Python, and what makes its default, if it has one, anew where that could be changed.

    GraphQL's own arguments, as `@include(if:)`, have the same name and value in both.
    """
    default = coerce_default_value(place)
    definition = place.extensions.get(DEFINITION)
    if definition is None:
        return name, None if default is Undefined else lambda: default
    is_argument = isinstance(definition, StrawberryArgument)
    type_ = definition.type if is_argument else definition.resolve_type(type_definition=parent)
    _refuse_positional(type_)
    if default is Undefined:
        return definition.python_name, None
    if isinstance(default, Hashable):
        return definition.python_name, lambda: default
    strawberry: Any = schema
    strawberry = strawberry._strawberry_schema
    registry, config = strawberry.schema_converter.scalar_registry, strawberry.config
    return definition.python_name, lambda: convert_argument(default, type_, registry, config)


def _refuse_positional(type_: Any) -> None:
    """What a resolver gets of these depends on where they stand, which a variable does not know."""
    while isinstance(type_, StrawberryContainer):
        if isinstance(type_, StrawberryMaybe):
            raise Uncoercible
        type_ = type_.of_type
    if type_ is GlobalID:
        raise Uncoercible
