"""What a group is told, each of it made once and kept for as long as it is the newest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from resolvers.presence.kept import Kept, Value
from resolvers.presence.portraits import Portraits
from resolvers.presence.projection import Portrait, Projection, Stand
from storage.presence import State

if TYPE_CHECKING:
    from resolvers.context import Context

log = structlog.get_logger()


class Answers:
    """Of one projection in one book; what shows a person can be made once they are known."""

    def __init__(self, book_id: UUID, projection: Projection) -> None:
        self._projection = projection
        self._portraits = Portraits(book_id, projection)
        self._updated: Kept[bytes] = Kept()
        self._stands: Kept[Stand] = Kept()

    def knows(self, user_id: UUID) -> bool:
        return self._portraits.knows(user_id)

    async def look(self, context: Context, user_ids: Iterable[UUID]) -> set[UUID]:
        """As `Portraits.look`."""
        changed = await self._portraits.look(context, user_ids)
        if changed:
            self._updated.clear()
            self._stands.clear()
        return changed

    def updated(self, state: State | None) -> bytes | None:
        """None for what nobody is to see."""
        return self._made(self._updated, self._projection.updated, state, len)

    def left(self, id: UUID) -> bytes:
        self._updated.drop(id)
        self._stands.drop(id)
        return self._projection.left(id)

    def snapshot(self, self_id: UUID, states: Iterable[State]) -> bytes:
        stands = (self._made(self._stands, self._projection.stand, state, _size) for state in states)
        return self._projection.snapshot(self_id, [stand for stand in stands if stand is not None])

    def _made(
        self,
        kept: Kept[Value],
        make: Callable[[State, Portrait], Value],
        state: State | None,
        size: Callable[[Value], int],
    ) -> Value | None:
        if state is None or (portrait := self._portraits.of(state.user_id)) is None:
            return None
        if (made := kept.get(state)) is None:
            try:
                made = make(state, portrait)
            except (ValueError, TypeError, KeyError) as error:
                # From a newer program: the others go on.
                log.warning("a presence cannot be shown", why=repr(error))
                return None
            kept.put(state, made, size(made))
        return made


def _size(stand: Stand) -> int:
    return sum(map(len, stand))
