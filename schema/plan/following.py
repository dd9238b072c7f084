"""A subscription to a book's events, planned for all who ask alike: a statement for each kind of event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    is_interface_type,
)

from models.refusal import Refusal
from resolvers.answer import Fetch
from resolvers.live import Depends, Unshared
from schema.plan.answer import Asking, telling_statement
from schema.plan.coercion import Uncoercible, arguments_of
from schema.plan.declarations import rows_of
from schema.plan.late import Late
from schema.plan.parameters import Unplanned
from schema.plan.selection import Selections, named
from schema.plan.statement import Statement, statement_of
from schema.plan.writer import Writer

if TYPE_CHECKING:
    from resolvers.context import Context

#: In the metadata of a subscription's field: that it tells the events of a book.
FOLLOWED: Final[Mapping[str, Any]] = {"followed": True}


@dataclass(frozen=True, slots=True)
class Kind:
    """How events of one kind are told."""

    statement: Statement
    depends: Depends


class Following:
    """The one field of such a subscription. Raises Unplanned where it is to be answered the ordinary way."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        selections: Selections,
        writer: Callable[[], Writer],
    ) -> None:
        root = schema.subscription_type
        if operation.operation is not OperationType.SUBSCRIPTION or root is None:
            raise Unplanned
        [(self.key, nodes)] = selections.fields(root, [operation.selection_set]).items()
        definition = root.fields.get(nodes[0].name.value)
        field = definition.extensions.get("strawberry-definition") if definition else None
        if definition is None or field is None or not field.metadata.get("followed"):
            raise Unplanned
        self._type = named(definition.type)
        assert is_interface_type(self._type)
        self._schema = schema
        self._nodes = nodes
        self._writer = writer
        #: Made once for each document, and as good as a name for as long as it is held.
        self.operation = operation
        told = {*_variables(node.selection_set for node in nodes), *_variables(_fragments(document))}
        begun = {*_variables(argument for node in nodes for argument in node.arguments or ())}
        #: Of the variables on which an answer depends: all but those that say only where it begins.
        self.names = told | {*_variables([operation.selection_set])} - begun
        try:
            self.arguments = arguments_of(schema, definition, nodes[0])
        except Uncoercible:
            raise Unplanned from None

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Takes as long as all plans do."""
        kinds = {}
        for type_ in self._schema.get_possible_types(self._type):
            writer = self._writer()
            told = Asking((), type_, [node.selection_set for node in self._nodes], self._nodes[0])
            statement = statement_of(writer, telling_statement(writer, told))
            if statement.is_wrong:
                raise Unplanned
            who = writer.parameters.by_name
            depends = Depends.MEMBERSHIP if "insider_id" in who else Depends.NOTHING
            if "viewer_id" in who or "session_id" in who:
                depends = Depends.VIEWER
            kind = rows_of(type_).kind
            assert kind
            kinds[kind] = Kind(statement, depends)
        return kinds


class Followed:
    """One choice of its variables; `resolvers.live.Projection`."""

    def __init__(self, following: Following, variables: Mapping[str, Any], sent: Mapping[str, Any], late: Late) -> None:
        self._following = following
        self._variables = variables
        self._late = late
        self._begin = b'{"data":{"%b":' % following.key.encode()
        # Left out is not null: a default stands for one of them.
        told = {name: sent[name] for name in sorted(following.names) if name in sent}
        # As text: what orjson gives keeps the 4 kB that it was written in.
        self.key = (id(following.operation), orjson.dumps(told).decode())
        self.arguments = following.arguments(variables)

    @property
    def is_personal(self) -> bool:
        return any(kind.depends is Depends.VIEWER for kind in self._following.kinds.values())

    def check(self, context: Context) -> None:
        try:
            for kind in self._following.kinds.values():
                kind.statement.check(context, {**self._variables, "rows": "[]"})
        except (Unplanned, Refusal):
            raise Unshared from None

    def depends(self, kind: str) -> Depends:
        return self._following.kinds[kind].depends

    async def tell(self, fetch: Fetch, kind: str, rows: bytes, context: Context) -> list[bytes]:
        statement = self._following.kinds[kind].statement
        try:
            values = statement.bind(context, {**self._variables, "rows": rows.decode()})
            found = await fetch(statement.sql, values)
            return [b"%b%b}}" % (self._begin, self._late.fill(statement, json, context).json) for (json,) in found]
        except (Unplanned, Refusal):
            raise Unshared from None


def _fragments(document: DocumentNode) -> Iterator[Node]:
    return (each for each in document.definitions if isinstance(each, FragmentDefinitionNode))


def _variables(nodes: Iterable[Node | None]) -> Iterator[str]:
    """The names of all that are used in there."""
    waiting: list[Any] = [*nodes]
    while waiting:
        node = waiting.pop()
        if isinstance(node, VariableNode):
            yield node.name.value
        elif isinstance(node, Node):
            waiting.extend(getattr(node, key) for key in node.keys if key != "loc")
        elif isinstance(node, list | tuple):
            waiting.extend(node)
