"""The cost of an operation: read from its document once, and weighed for each request."""

from collections.abc import Iterator
from typing import Final

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    value_from_ast_untyped,
)

from server.graphql.cost.fields import Fields
from server.graphql.cost.outline import Outline
from server.graphql.cost.selection import Selection, Variables

#: Of an operation, which reads differently for each answer to its @skip and @include.
_READINGS_KEPT: Final = 16


class Costs:
    """Tells the costs of a schema's operations, each read from at most so many selections.

    Raises Undeclared when a list of the schema does not say how long it can be.
    """

    def __init__(self, schema: GraphQLSchema, selections: int) -> None:
        self.schema: Final = schema
        self.fields: Final = Fields(schema)
        self.selections: Final = selections


class Cost:
    """How many objects an operation of a valid document can return."""

    def __init__(self, costs: Costs, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._costs = costs
        self._document = document
        self._operation = operation
        self._defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value) if each.default_value else None
            for each in operation.variable_definitions or ()
        }
        self._switches = sorted(_switches(document) & self._defaults.keys())
        self._readings: dict[tuple[bool | None, ...], Selection] = {}
        #: Where no variable has a say; known once it was asked for.
        self.constant: int | None = None

    def of(self, variables: Variables) -> int:
        """With the variables as they were sent. Raises BadUserInput when its fragments are too entangled to tell."""
        if self.constant is not None:
            return self.constant
        switched = tuple(self._switched(name, variables) for name in self._switches)
        reading = self._readings.get(switched)
        if reading is None:
            reading = self._read(switched)
        return reading.weigh(variables, {}).alone

    def _switched(self, name: str, variables: Variables) -> bool | None:
        value = variables.get(name, self._defaults[name])
        return value if isinstance(value, bool) else None

    def _read(self, switched: tuple[bool | None, ...]) -> Selection:
        fragments = {
            each.name.value: each for each in self._document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        switches = dict(zip(self._switches, switched, strict=True))
        costs = self._costs
        outline = Outline(costs.schema, costs.fields, fragments, self._defaults, switches, costs.selections)
        reading = outline.of(self._operation)
        if reading.constant and not switches:
            self.constant = reading.constant.alone
        if len(self._readings) == _READINGS_KEPT:
            del self._readings[next(iter(self._readings))]
        self._readings[switched] = reading
        return reading


def _switches(document: DocumentNode) -> set[str]:
    """The variables of all @skip and @include."""
    return {
        argument.value.name.value
        for selections in _selection_sets(document)
        for selection in selections.selections
        for directive in selection.directives or ()
        for argument in directive.arguments or ()
        if isinstance(argument.value, VariableNode)
    }


def _selection_sets(document: DocumentNode) -> Iterator[SelectionSetNode]:
    stack = [
        each.selection_set
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while stack:
        selections = stack.pop()
        yield selections
        below = (getattr(each, "selection_set", None) for each in selections.selections)
        stack += [each for each in below if each is not None]
