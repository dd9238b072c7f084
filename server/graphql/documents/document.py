"""A valid document with its operations, each prepared once for all its requests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode

from server.graphql.cost import Cost, Costs
from server.observe.operation import Kind


class Rejected(Exception):
    """A document that is not answered, with all that is wrong with it."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = list(errors)

    @classmethod
    def because(cls, message: str) -> "Rejected":
        return cls([GraphQLError(message)])


@dataclass(slots=True, eq=False)
class KeptOperation:
    """An operation of a kept document, and what is made from it once."""

    document: "Document"
    node: OperationDefinitionNode
    kind: Kind
    name: str | None
    cost: Cost
    #: Whether it tells where somebody's cursor is, and nothing else: that has a rate of its own, and is never refused.
    is_presence: bool
    #: For the planner's plans, which go when the document goes.
    slots: dict[str, Any] = field(default_factory=dict)


class Document:
    """A valid document, its text, and the SHA-256 of that in lower-case hex."""

    __slots__ = ("_operations", "node", "sha256", "text")

    def __init__(self, text: str, sha256: str, node: DocumentNode, costs: Costs) -> None:
        self.text = text
        self.sha256 = sha256
        self.node = node
        self._operations: dict[str | None, KeptOperation] = {}
        for each in node.definitions:
            if isinstance(each, OperationDefinitionNode):
                name = each.name.value if each.name else None
                self._operations[name] = KeptOperation(
                    self, each, each.operation.value, name, Cost(costs, node, each), _is_presence(each)
                )
        if len(self._operations) == 1:
            # The only one need not be named.
            self._operations[None] = next(iter(self._operations.values()))

    @property
    def operations(self) -> list[KeptOperation]:
        return [operation for name, operation in self._operations.items() if name == operation.name]

    def operation(self, name: str | None) -> KeptOperation:
        """The operation to execute; raises Rejected when the name leaves it open."""
        operation = self._operations.get(name)
        if operation is not None:
            return operation
        if name is not None:
            raise Rejected.because(f"There is no operation '{name[:100]}' in this document.")
        if not self._operations:
            raise Rejected.because("There is no operation in this document.")
        raise Rejected.because("Say in `operationName` which of the operations to execute.")


def _is_presence(operation: OperationDefinitionNode) -> bool:
    fields = operation.selection_set.selections
    return all(isinstance(field, FieldNode) and field.name.value == "updatePresence" for field in fields)
