"""Those whose streams are other processes'."""

import time
from collections import OrderedDict
from typing import Final
from uuid import UUID

from models.refusal import NotFound
from resolvers.presence.seats import seat
from storage.database import Database
from storage.presence import Store

#: Seconds for which somebody is known to be there, and how many are.
KNOWN_FOR: Final = 1.0
KNOWN_LIMIT: Final = 10_000


class Elsewhere:
    """Remembers their roles for a moment, so that not every step of theirs is looked up."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._known: OrderedDict[tuple[UUID | None, str], tuple[float, str]] = OrderedDict()

    async def role(self, user_id: UUID, book_id: UUID | None, key: str) -> str:
        """Raises as `seat` does, and NotFound with its path for who has not come."""
        known = self._known.get((book_id, key))
        if known and known[0] > time.monotonic():
            return known[1]
        role = await seat(self._database, user_id, book_id)
        # None when Redis is away: then nobody sees it, and nobody is to blame.
        if book_id and await self._store.has(book_id, key) is False:
            raise NotFound("Subscribe to `presence` with this clientId first.", "input", "clientId")
        self._known[book_id, key] = (time.monotonic() + KNOWN_FOR, role)
        self._known.move_to_end((book_id, key))
        if len(self._known) > KNOWN_LIMIT:
            self._known.popitem(last=False)
        return role
