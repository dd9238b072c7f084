"""The bytes of an answer, once Python has filled in what Postgres left to it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

from models.refusal import Refusal
from schema.plan.parameters import Unplanned
from schema.plan.writer import Filled, Missing

if TYPE_CHECKING:
    from resolvers.context import Context
    from schema.plan.statement import Statement

#: How many values are kept, of about 600 bytes each.
KEPT: Final = 16_384
_MARK: Final = b"\x01"
_NULL: Final = b"null"


@dataclass(slots=True)
class Text:
    """JSON, and the rows at its root that were not there though they had to be."""

    json: bytes
    refusals: list[tuple[Missing, Refusal]] = field(default_factory=list)


class Late:
    """Fills in what is marked. Values are kept for as long as they say that they stay the same."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Filled, bytes], tuple[float, bytes]] = OrderedDict()

    def fill(self, statement: Statement, data: bytes, context: Context) -> Text:
        """Raises Unplanned where the ordinary way has to say what is missing."""
        if _MARK not in data:
            return Text(data)
        parts = data.split(_MARK)
        text = Text(b"")
        now = context.now.timestamp()
        for place in range(1, len(parts), 2):
            parts[place] = self._value(statement, parts[place], context, now, text.refusals)
        text.json = b"".join(parts)
        return text

    def _value(
        self,
        statement: Statement,
        mark: bytes,
        context: Context,
        now: float,
        refusals: list[tuple[Missing, Refusal]],
    ) -> bytes:
        slot, bracket, columns = mark.partition(b"[")
        if bracket:
            return self._filled(statement.filled[int(slot)], columns, context, now)
        if slot == b"!":
            raise Unplanned
        missing = statement.missing[int(slot[1:])]
        refusal = missing.refusal(context)
        if refusal is not None:
            if missing.key is None:
                raise Unplanned
            refusals.append((missing, refusal))
        return _NULL

    def _filled(self, filled: Filled, columns: bytes, context: Context, now: float) -> bytes:
        key = filled, columns
        kept = self._kept.get(key)
        if kept is not None and kept[0] > now:
            return kept[1]
        value, until = filled.tell(context, *filled.arguments, *orjson.loads(b"[" + columns))
        text = orjson.dumps(value)
        self._kept[key] = until, text
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return text
