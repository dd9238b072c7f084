"""One who is told who is there with all who ask alike, on a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from models.refusal import Refusal
from resolvers.presence.group import Group
from resolvers.presence.projection import Projection

if TYPE_CHECKING:
    from resolvers.context import Context
    from resolvers.live import Sink
    from resolvers.presence.room import Room
    from storage.presence import State


class Follower:
    """A live one has been told all that its group has; one that is not looks after itself.

    `told` is what it had been told before it fell behind; None when it is to be told anew who is there.
    """

    __slots__ = (
        *("_ending", "_group", "_woken", "context", "is_live", "is_over", "missed_self", "place", "projection"),
        *("self_id", "sink", "told"),
    )

    def __init__(self, context: Context, projection: Projection, sink: Sink) -> None:
        self.context = context
        self.projection = projection
        self.sink = sink
        self.self_id: UUID | None = None
        self.is_live = False
        self.is_over = False
        #: How often its group had told something when it was last told.
        self.place = 0
        self.told: Mapping[UUID, State] | None = None
        #: Whether others have changed it meanwhile.
        self.missed_self = False
        self._ending: Exception | None = None
        self._group: Group | None = None
        self._woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def refusal(self) -> Refusal | None:
        return self._ending if isinstance(self._ending, Refusal) else None

    def enter(self, room: Room) -> None:
        self._group = Group.of(room, self.projection)
        self._group.followers[self] = None

    def leave(self, room: Room) -> None:
        assert self._group
        self._group.remove(self)

    def begin(self, self_id: UUID) -> None:
        self.self_id = self_id

    def end(self, ending: Exception | None = None) -> None:
        """Nothing is sent to it any more."""
        if not self.is_over:
            self._ending = ending
            self.is_over = True
            self.is_live = False
            self._wake()

    def lag(self, told: Mapping[UUID, State] | None) -> None:
        """It is no longer sent to, and looks after itself."""
        self.told = told
        self.is_live = False
        self._wake()

    async def run(self) -> None:
        """Until it is ended. Raises what it is ended with, what reading people raises, and what its sink raises."""
        assert self._group
        await self._group.admit(self)
        while not self.is_over:
            await self._woken
            self._woken = asyncio.get_running_loop().create_future()
            while not (self.is_live or self.is_over):
                if self.sink.is_busy:
                    await self._ready()
                else:
                    self._group.catch_up(self)
        if self._ending:
            raise self._ending

    async def _ready(self) -> None:
        """Until its sink is not busy, or it is over: whoever may not be there is not there for longer."""
        ready = asyncio.ensure_future(self.sink.ready())
        try:
            await asyncio.wait({ready, self._woken}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
        finally:
            ready.cancel()

    def _wake(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)
