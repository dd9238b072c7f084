"""All the ways in which a field can be asked, as far as its statement is another."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from graphql import FieldNode, GraphQLEnumType, GraphQLField, GraphQLNonNull, is_leaf_type, parse

from schema.plan.selection import named


def askings(name: str, definition: GraphQLField) -> Iterator[tuple[FieldNode, Mapping[str, Any]]]:
    """The field without its arguments, and with all of them: each way in which they steer."""
    [operation] = parse(f"{{ {name} {'' if is_leaf_type(named(definition.type)) else '{ __typename }'} }}").definitions
    bare: FieldNode = operation.selection_set.selections[0]  # type: ignore[attr-defined]
    if all(not isinstance(argument.type, GraphQLNonNull) for argument in definition.args.values()):
        yield bare, {}
    for values in product(*(_values(each, argument.type) for each, argument in definition.args.items())):
        text = ", ".join(f"{each}: {value}" for each, value in zip(definition.args, values, strict=True))
        if text:
            [operation] = parse(f"{{ it({text}) }}").definitions
            asked: FieldNode = operation.selection_set.selections[0]  # type: ignore[attr-defined]
            yield (
                FieldNode(name=bare.name, arguments=asked.arguments, selection_set=bare.selection_set),
                dict.fromkeys(definition.args, True),
            )


def _values(name: str, type_: Any) -> list[str]:
    inner = named(type_)
    if isinstance(inner, GraphQLEnumType):
        return [*inner.values]
    return ["true", "false"] if inner.name == "Boolean" else [f"${name}"]
