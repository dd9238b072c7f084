"""A subscription to who is in a book, compiled for all who ask alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from sqlalchemy import ARRAY, BigInteger, Uuid, func, literal_column, select, union_all
from sqlalchemy.orm import aliased

from resolvers import access
from schema.plan.answer import Asking, places_of
from schema.plan.coercion import Uncoercible, arguments_of
from schema.plan.declarations import python_name, rows_of
from schema.plan.parameters import Unplanned
from schema.plan.plain import plain
from schema.plan.selection import Selections, Steering, named
from schema.plan.statement import statement_of
from schema.plan.writer import Place, Writer

#: What stands in a snapshot for the one who is told.
SELF: Final = object()
#: Parameters of which no two watchers need have the same.
_OF_EACH: Final = frozenset({"viewer_id", "insider_id", "session_id", "now"})


class Watching:
    """The one field of such a subscription. Raises Unplanned where it is to be answered the ordinary way."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        root = schema.subscription_type
        if operation.operation is not OperationType.SUBSCRIPTION or root is None:
            raise Unplanned
        steering = Steering(schema, operation)
        kept = steering.kept(variables)
        selections = Selections(schema, document, kept)
        [(self.key, nodes)] = selections.fields(root, [operation.selection_set]).items()
        definition = root.fields.get(nodes[0].name.value)
        if definition is None or named(definition.type) is not schema.type_map.get("PresenceEvent"):
            raise Unplanned
        #: Made once for each document, and as good as a name for as long as it is held.
        self.operation = operation
        self.choice = steering.of(variables)
        try:
            self.arguments = arguments_of(schema, definition, nodes[0])
        except Uncoercible:
            raise Unplanned from None
        writer = Writer(schema, selections, kept, tagged=False)
        sets = [node.selection_set for node in nodes]
        types: Any = schema.type_map
        snapshot, updated = types["PresenceSnapshot"], types["PresenceUpdated"]
        self.updated = plain(writer, updated, sets)
        self.left = plain(writer, types["PresenceLeft"], sets)
        #: The members of a snapshot: JSON, `SELF`, or how each who is present is shown there.
        self.snapshot = [
            (key, _in_snapshot(writer, snapshot, fields, key)) for key, fields in writer.fields(snapshot, sets).items()
        ]
        places = [place for type_ in (snapshot, updated) for place in places_of(writer, type_, sets)]
        self.paths = [place.path for place in places]
        self.statement = statement_of(writer, _statement(writer, places)) if places else None
        if writer.is_wrong or writer.parameters.by_name.keys() & _OF_EACH:
            raise Unplanned


def _in_snapshot(writer: Writer, type_: GraphQLObjectType, nodes: list[FieldNode], key: str) -> Any:
    name = nodes[0].name.value
    if name == "__typename":
        return orjson.dumps(type_.name)
    match python_name(type_.fields[name]):
        case "self_id":
            return SELF
        case "present":
            presence: Any = writer.schema.type_map["Presence"]
            return plain(writer, presence, [each.selection_set for each in nodes], (key,))
        case _:
            raise Unplanned


def _statement(writer: Writer, places: Sequence[Asking]) -> Any:
    """People by their ids, at each place those who belong to the book: of whom all of its members see the same."""
    statements = []
    for number, asking in enumerate(places):
        found = aliased(rows_of(asking.type_).model)
        ids = writer.parameters.add(lambda _, asked: asked["user_ids"], ARRAY(Uuid), field=asking.field)
        book_id = writer.parameters.add(lambda _, asked: asked["book_id"], Uuid(), field=asking.field)
        json = writer.rows(asking.type_, asking.sets, Place().within(found))
        statements.append(
            select(literal_column(str(number), BigInteger), found.id, func.convert_to(json, "UTF8"))
            .select_from(found)
            .where(found.id == func.any(ids), access.is_member(found.id, book_id))
        )
    return union_all(*statements)
