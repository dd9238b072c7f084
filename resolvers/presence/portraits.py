"""What is shown of the people in a room, read when they are first met: once for all who ask alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Final
from uuid import UUID

from resolvers.presence.projection import Portrait, Projection

if TYPE_CHECKING:
    from resolvers.context import Context

#: Seconds for which whoever comes is shown the others as they were; those who have come before are not told again.
FRESH: Final = 1.0
#: People that are kept: more than there are in a book.
KEPT: Final = 1_000


class Portraits:
    def __init__(self, book_id: UUID, projection: Projection) -> None:
        self._book_id = book_id
        self._projection = projection
        #: And when they were read, the oldest first; None of who does not belong to the book.
        self._kept: dict[UUID, tuple[Portrait | None, float]] = {}
        self._turn = asyncio.Lock()

    def knows(self, user_id: UUID) -> bool:
        kept = self._kept.get(user_id)
        # Who did not belong there may by now.
        return kept is not None and (kept[0] is not None or _is_fresh(kept[1]))

    def of(self, user_id: UUID) -> Portrait | None:
        kept = self._kept.get(user_id)
        return kept and kept[0]

    async def look(self, context: Context, user_ids: Iterable[UUID]) -> set[UUID]:
        """At those that are not known freshly, in one statement; who looks different now is given back."""
        async with self._turn:
            due = [id for id in {*user_ids} if (kept := self._kept.get(id)) is None or not _is_fresh(kept[1])]
            if not due:
                return set()
            at = monotonic()
            found = await self._projection.portraits(context, self._book_id, due)
            before = {id: self._kept.pop(id, None) for id in due}
            self._kept |= {id: (found.get(id), at) for id in due}
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
            return {id for id, kept in before.items() if kept is None or kept[0] != found.get(id)}


def _is_fresh(at: float) -> bool:
    return monotonic() - at < FRESH
