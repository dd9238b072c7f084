"""Who may see a book, as far as its feed has come: asked once for all who ask at the same time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Collection
from typing import Final
from uuid import UUID

from resolvers.live.journal import Standing, standings
from storage.database import Database

#: Viewers whose standing is remembered between two reviews.
KNOWN: Final = 10_000


class Desk:
    """What it knows holds until something in the journal may have changed it; then the feed has it reviewed.

    Who may not see the book is not remembered: they may be let in before the feed has come to that.
    """

    def __init__(self, book_id: UUID, database: Database) -> None:
        self._book_id = book_id
        self._database = database
        self._known: dict[UUID | None, Standing] = {}
        self._asked: dict[UUID | None, asyncio.Future[Standing]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._reviews = 0
        self._reviewed = asyncio.Event()
        self._reviewed.set()

    async def standing(self, viewer_id: UUID | None) -> Standing:
        """As of what the feed has told. Raises what asking for it raises."""
        while True:
            await self._reviewed.wait()
            if (known := self._known.get(viewer_id)) is not None:
                return known
            if not (asked := await self._ask(viewer_id)).sees:
                return asked

    async def review(self, viewers: Collection[UUID | None]) -> dict[UUID | None, Standing]:
        """Of these anew; whatever else was known is forgotten, and who asks meanwhile waits."""
        self._reviews += 1
        self._reviewed.clear()
        try:
            found = await self._read(viewers)
            self._known = _seeing(found)
        except BaseException:
            self._known = {}
            raise
        finally:
            self._reviewed.set()
        return found

    async def close(self) -> None:
        if self._asking:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self, viewer_id: UUID | None) -> Standing:
        asked = self._asked.get(viewer_id)
        if asked is None:
            asked = self._asked[viewer_id] = asyncio.get_running_loop().create_future()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._answer(), name="live: desk", context=contextvars.Context())
        # The one who asked first may leave, and the others want to know all the same.
        return await asyncio.shield(asked)

    async def _answer(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, {}
            reviews = self._reviews
            try:
                # With all members, of whom many may come at once: there are not many.
                found = await self._read(asked.keys(), and_members=True)
            except BaseException as error:
                for each in asked.values():
                    each.set_exception(error if isinstance(error, Exception) else ConnectionError("It was closed."))
                    each.exception()  # which nobody may be waiting for
                if not isinstance(error, Exception):
                    raise
                continue
            # What was read before a review may not be so after it.
            if reviews == self._reviews:
                if len(self._known) + len(found) > KNOWN:
                    self._known.clear()
                self._known.update(_seeing(found))
            for viewer_id, each in asked.items():
                each.set_result(found[viewer_id])

    async def _read(
        self, viewers: Collection[UUID | None], *, and_members: bool = False
    ) -> dict[UUID | None, Standing]:
        async with self._database.connection() as connection:
            return await standings(connection, self._book_id, viewers, and_members=and_members)


def _seeing(found: dict[UUID | None, Standing]) -> dict[UUID | None, Standing]:
    return {viewer_id: standing for viewer_id, standing in found.items() if standing.sees}
