"""One follower of a book: where they are in its journal, and whether they keep up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from resolvers.context import Context
from resolvers.live.projection import Projection
from resolvers.live.sink import Sink

if TYPE_CHECKING:
    from resolvers.live.group import Group


class Reader:
    """A live one is at the feed's head, and the feed itself sends it what comes; the others catch up by themselves."""

    __slots__ = ("_ending", "_woken", "context", "group", "is_live", "must_resync", "place", "projection", "sink")

    def __init__(self, context: Context, projection: Projection, sink: Sink, place: int) -> None:
        self.context = context
        self.projection = projection
        self.sink = sink
        #: The seq that was sent last.
        self.place = place
        self.is_live = False
        #: Whether its place is in no journal that goes on.
        self.must_resync = False
        self.group: Group | None = None
        self._ending: Exception | None = None
        self._woken: asyncio.Future[None] | None = None

    @property
    def viewer_id(self) -> UUID | None:
        return self.context.viewer_id

    @property
    def is_over(self) -> bool:
        return self._ending is not None

    def lag(self) -> None:
        """It is no longer sent to, and looks after itself."""
        self.is_live = False
        if self._woken and not self._woken.done():
            self._woken.set_result(None)

    def restart(self) -> None:
        """What it had is of a journal that has ended."""
        self.must_resync = True
        self.lag()

    def end(self, ending: Exception) -> None:
        """Nothing is sent to it any more; whoever runs it raises this."""
        self._ending = self._ending or ending
        self.lag()

    async def live(self) -> None:
        """For as long as it keeps up."""
        # An Event would take four times the memory, of each who waits.
        self._woken = asyncio.get_running_loop().create_future()
        self.is_live = True
        try:
            await self._woken
        finally:
            self.is_live = False

    def check(self) -> None:
        """Raises what it has ended with."""
        if self._ending is not None:
            raise self._ending
