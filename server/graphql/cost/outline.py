"""From an operation to what it selects: fields merged under their keys, and every selection looked at once."""

from collections.abc import Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
    value_from_ast_untyped,
)

from models.refusal import BadUserInput
from server.graphql.cost.fields import Field, Fields
from server.graphql.cost.selection import Branch, Selection, Steered, counted

#: Whether each variable of a @skip or @include holds; None when it holds what it may not.
Switches = Mapping[str, bool | None]


class Outline:
    """Reads the operations of one valid document. Raises BadUserInput once it has looked at `limit` selections."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fields: Fields,
        fragments: Mapping[str, FragmentDefinitionNode],
        defaults: Mapping[str, object],
        switches: Switches,
        limit: int,
    ) -> None:
        self._schema = schema
        self._fields = fields
        self._fragments = fragments
        self._defaults = defaults
        self._switches = switches
        self._limit = limit
        self._looked_at = 0
        self._known: dict[tuple[str, frozenset[int]], Selection] = {}

    def of(self, operation: OperationDefinitionNode) -> Selection:
        root = self._schema.get_root_type(operation.operation)
        assert root is not None, "a valid operation has a root"
        return self._selection(root, [operation.selection_set])

    def _selection(self, kind: GraphQLNamedType, sets: list[SelectionSetNode]) -> Selection:
        # The same selections are one, or fragments within fragments would make 2^n of them.
        key = kind.name, frozenset(map(id, sets))
        if key not in self._known:
            concrete = self._schema.get_possible_types(kind) if is_abstract_type(kind) else [kind]
            kinds = [
                (int(one.name in self._fields.counted), self._branches(one, sets))
                for one in concrete
                if isinstance(one, GraphQLObjectType)
            ]
            self._known[key] = Selection(list(dict.fromkeys(kinds)))
        return self._known[key]

    def _branches(self, kind: GraphQLObjectType, sets: list[SelectionSetNode]) -> tuple[Branch, ...]:
        branches = []
        for key, nodes in self._collected(kind, sets).items():
            field = self._fields.of(kind.name, nodes[0].name.value)
            if field is not None:
                inner = [node.selection_set for node in nodes if node.selection_set]
                branches.append(Branch(key, field, self._count(field, nodes[0]), self._selection(field.type, inner)))
        return tuple(branches)

    def _collected(self, kind: GraphQLObjectType, sets: list[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """The fields by their response keys, as the executor collects them."""
        found: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        stack = [*sets]
        while stack:
            selections = stack.pop().selections
            self._looked_at += len(selections)
            if self._looked_at > self._limit:
                raise BadUserInput("This operation spreads its fragments too often for its cost to be known.")
            for selection in selections:
                if not self._is_included(selection):
                    continue
                if isinstance(selection, FieldNode):
                    if not selection.name.value.startswith("__"):
                        name = selection.alias or selection.name
                        found.setdefault(name.value, []).append(selection)
                    continue
                if isinstance(selection, FragmentSpreadNode):
                    if selection.name.value in spread:
                        continue
                    spread.add(selection.name.value)
                    fragment: FragmentDefinitionNode | InlineFragmentNode = self._fragments[selection.name.value]
                else:
                    assert isinstance(selection, InlineFragmentNode)
                    fragment = selection
                condition = fragment.type_condition
                if condition is None or self._is(kind, condition.name.value):
                    stack.append(fragment.selection_set)
        return found

    def _is(self, kind: GraphQLObjectType, name: str) -> bool:
        condition = self._schema.type_map[name]
        return condition is kind or (is_abstract_type(condition) and self._schema.is_sub_type(condition, kind))

    def _is_included(self, selection: SelectionNode) -> bool:
        for directive in selection.directives or ():
            wrong = {"skip": True, "include": False}.get(directive.name.value)
            if wrong is None:
                continue
            [condition] = [argument.value for argument in directive.arguments or ()]
            if isinstance(condition, VariableNode):
                holds = self._switches[condition.name.value]
            else:
                holds = value_from_ast_untyped(condition)
            if holds is wrong:
                return False
        return True

    def _count(self, field: Field, node: FieldNode) -> int | Steered:
        for argument in node.arguments or ():
            if argument.name.value == field.argument:
                if isinstance(argument.value, VariableNode):
                    variable = argument.value.name.value
                    return Steered(variable, field, self._defaults.get(variable))
                return counted(value_from_ast_untyped(argument.value), field)
        return field.unsaid
