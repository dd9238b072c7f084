"""What is asked of the people in a stream of presences."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any, Final, Self

from graphql import DocumentNode, GraphQLResolveInfo

from resolvers.answer import Fetch
from schema.base import Info
from schema.plan.answer import Reading, Shape, places_of, reading_statement
from schema.plan.late import Late
from schema.plan.selection import Selections, Steering
from schema.plan.statement import statement_of
from schema.plan.writer import Writer
from storage.presence import State

#: How many streams' questions are kept, of some 10 kB each.
SHAPES_LIMIT: Final = 100
_LATE: Final = Late()
_SHAPES: Final[OrderedDict[Any, tuple[Any, Shape]]] = OrderedDict()


class People(Reading):
    """Read when they are first met, and kept for as long as the stream goes on."""

    @classmethod
    async def asked(cls, info: Info) -> Self:
        raw, variables = info._raw_info, info.variable_values
        # Documents are kept parsed: who asks the same asks with the same nodes.
        key = (id(raw.operation), Steering(raw.schema, raw.operation).of(variables))
        kept = _SHAPES.get(key)
        if kept is None or kept[0] is not raw.operation:
            kept = _SHAPES[key] = raw.operation, await asyncio.to_thread(_shape, raw, variables)
        _SHAPES.move_to_end(key)
        if len(_SHAPES) > SHAPES_LIMIT:
            _SHAPES.popitem(last=False)
        return cls(kept[1], info.context, variables, _LATE)

    async def read(self, fetch: Fetch, rows: Mapping[str, Collection[Any]]) -> None:
        before = dict(self._found)
        await super().read(fetch, rows)
        self._found = {**before, **self._found}

    def sees(self, state: State) -> bool:
        """Whether there is something to show of them: one who left the book just now is there for nobody."""
        return all((place, state.user_id) in self._found for place in self._shape.by_path.values())


def _shape(raw: GraphQLResolveInfo[Any], variables: Mapping[str, Any]) -> Shape:
    """Where people are asked for, and the statement that reads them; 10 ms."""
    document = DocumentNode(definitions=(raw.operation, *raw.fragments.values()))
    writer = Writer(raw.schema, Selections(raw.schema, document, variables), variables, tagged=True)
    sets = [node.selection_set for node in raw.field_nodes]
    types: Any = raw.schema.type_map
    # A union stands for no rows, so that the plan of the operation has none of these.
    events = (types["PresenceSnapshot"], types["PresenceUpdated"])
    places = [place for event in events for place in places_of(writer, event, sets)]
    return Shape(places, statement_of(writer, reading_statement(writer, places)) if places else None)
