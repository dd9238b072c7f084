"""What all who ask alike are told of who is in a book."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
import strawberry
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode

from models.id import outside
from models.refusal import Refusal
from resolvers.presence.projection import Portrait, Stand, Unshared
from schema.plan.late import Late
from schema.plan.parameters import Unplanned
from schema.plan.plan import Plan
from schema.presence.types import Presence, PresenceLeft, PresenceUpdated
from schema.presence.watching import SELF, Watching

if TYPE_CHECKING:
    from resolvers.context import Context
    from storage.presence import State

#: Of each plan, None where it is to be told the ordinary way.
_COMPILED: Final[WeakKeyDictionary[Plan, Watching | None]] = WeakKeyDictionary()


def is_compiled(plan: Plan) -> bool:
    return plan in _COMPILED


def watching_of(
    plan: Plan,
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> Watching | None:
    """None where it is to be told the ordinary way. 10 ms, once a plan."""
    if plan not in _COMPILED:
        try:
            _COMPILED[plan] = Watching(schema, document, operation, variables)
        except (Unplanned, Refusal):
            _COMPILED[plan] = None
    return _COMPILED[plan]


class Watched:
    """One choice of its variables; `resolvers.presence.projection.Projection`."""

    def __init__(self, watching: Watching, variables: Mapping[str, Any], late: Late) -> None:
        self._watching = watching
        self._variables = variables
        self._late = late
        self._begin = b'{"data":{"%b":' % watching.key.encode()
        self.arguments = watching.arguments(variables)

    def check(self, context: Context) -> None:
        """Raises Unshared where the ordinary way is to say what is wrong with it. Before anything else is asked."""
        values = self._values(context, None, ())
        # The plan and what the statement is run with are all that an answer depends on.
        self.key = (id(self._watching.operation), self._watching.choice, repr(values))

    def _values(self, context: Context, book_id: UUID | None, user_ids: Collection[UUID]) -> list[Any]:
        statement = self._watching.statement
        if statement is None:
            return []
        try:
            return statement.bind(context, {**self._variables, "book_id": book_id, "user_ids": [*user_ids]})
        except (Unplanned, Refusal):
            raise Unshared from None

    async def portraits(self, context: Context, book_id: UUID, user_ids: Collection[UUID]) -> Mapping[UUID, Portrait]:
        statement, paths = self._watching.statement, self._watching.paths
        if statement is None:
            return {user_id: {} for user_id in user_ids}
        values = self._values(context, book_id, user_ids)
        async with context.parts.database.connection() as connection:
            rows = await connection.rows(statement.sql, values)
        found: defaultdict[UUID, dict[tuple[str, ...], bytes]] = defaultdict(dict)
        try:
            for place, id, json in rows:
                found[id][paths[place]] = self._late.fill(statement, json, context).json
        except Unplanned:
            raise Unshared from None
        return found

    def updated(self, state: State, portrait: Portrait) -> bytes:
        return self._whole(orjson.dumps(self._watching.updated(PresenceUpdated(presence=Presence.of(state)), portrait)))

    def left(self, id: UUID) -> bytes:
        return self._whole(orjson.dumps(self._watching.left(PresenceLeft(id=strawberry.ID(outside("pr", id))), {})))

    def stand(self, state: State, portrait: Portrait) -> Stand:
        presence = Presence.of(state)
        return tuple(orjson.dumps(show(presence, portrait)) for _, show in self._watching.snapshot if callable(show))

    def snapshot(self, self_id: UUID, present: Sequence[Stand]) -> bytes:
        members, place = [], 0
        for key, member in self._watching.snapshot:
            if member is SELF:
                shown = orjson.dumps(outside("pr", self_id))
            elif isinstance(member, bytes):
                shown = member
            else:
                shown = b"[%b]" % b",".join([stand[place] for stand in present])
                place += 1
            members.append(b'"%b":%b' % (key.encode(), shown))
        return self._whole(b"{%b}" % b",".join(members))

    def _whole(self, json: bytes) -> bytes:
        return b"%b%b}}" % (self._begin, json)
