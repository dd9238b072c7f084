"""What an operation selects, and which of its variables decide that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    type_from_ast,
)

ABSENT: Final = object()


class Steering:
    """The variables that a plan depends on: Booleans and enumerations by their value, others by being there."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self.by_value: list[str] = []
        self.by_presence: list[str] = []
        self.required: dict[str, Any] = {}
        for definition in operation.variable_definitions or ():
            type_ = type_from_ast(schema, definition.type)
            name = definition.variable.name.value
            inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
            if inner is GraphQLBoolean or isinstance(inner, GraphQLEnumType):
                self.by_value.append(name)
            elif isinstance(type_, GraphQLNonNull):
                self.required[name] = True
            else:
                self.by_presence.append(name)

    def of(self, variables: Mapping[str, Any]) -> tuple[Any, ...]:
        """What these variables choose among the plans of the operation."""
        if not self.by_value and not self.by_presence:
            return ()
        return (
            *(variables.get(name, ABSENT) for name in self.by_value),
            *(variables.get(name) is not None for name in self.by_presence),
        )

    def kept(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Of these variables what a plan may look at."""
        present = {name: True for name in self.by_presence if variables.get(name) is not None}
        return {**present, **{name: variables[name] for name in self.by_value if name in variables}, **self.required}


class Selections:
    """The fields that the selection sets of an operation come to, for one choice of its steering variables."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._variables = variables
        #: Whether a directive hangs on a null, which graphql-core refuses.
        self.are_wrong = False
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }

    def fields(
        self, type_: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode | None]
    ) -> dict[str, list[FieldNode]]:
        """By response key, in the order of the answer, the fields that are merged under it (specification, 6.3.2)."""
        fields: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for selection_set in selection_sets:
            if selection_set:
                self._collect(type_, selection_set, fields, spread)
        return fields

    def _collect(
        self,
        type_: GraphQLObjectType,
        selection_set: SelectionSetNode,
        fields: dict[str, list[FieldNode]],
        spread: set[str],
    ) -> None:
        for selection in selection_set.selections:
            if not self._is_included(selection.directives):
                continue
            if isinstance(selection, FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                fields.setdefault(key, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                if condition is None or self._applies(condition.name.value, type_):
                    self._collect(type_, selection.selection_set, fields, spread)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                fragment = self.fragments[selection.name.value]
                if self._applies(fragment.type_condition.name.value, type_):
                    self._collect(type_, fragment.selection_set, fields, spread)

    def _applies(self, condition: str, type_: GraphQLObjectType) -> bool:
        if condition == type_.name:
            return True
        other = self._schema.type_map[condition]
        return is_abstract_type(other) and self._schema.is_sub_type(other, type_)

    def _is_included(self, directives: Iterable[DirectiveNode] | None) -> bool:
        for directive in directives or ():
            if directive.name.value in ("skip", "include"):
                value: Any = (directive.arguments or ())[0].value
                holds = self._variables[value.name.value] if isinstance(value, VariableNode) else value.value
                self.are_wrong |= holds is None
                if bool(holds) is (directive.name.value == "skip"):
                    return False
        return True


def named(type_: Any) -> Any:
    """The type without its lists and non-nulls."""
    return get_named_type(type_)
