"""One who is told who is there: at most one thing waits for them of each other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from models.refusal import Refusal
from storage.presence import State

if TYPE_CHECKING:
    from resolvers.presence.room import Room

#: So many others have moved while somebody did not read: they are told anew who is there.
AT_ONCE: Final = 64


def are_many(changed: int, there: int) -> bool:
    """Whether to tell anew who is there: when that is no more to read than what has changed."""
    return changed > max(AT_ONCE, there // 2)


@dataclass(frozen=True, slots=True)
class Snapshot:
    self_id: UUID
    present: list[State]


@dataclass(frozen=True, slots=True)
class Updated:
    presence: State


@dataclass(frozen=True, slots=True)
class Left:
    id: UUID


Told = Snapshot | Updated | Left


class Watcher:
    """Reads the roster when it is ready to, so that it gets what is newest by then."""

    def __init__(self, roster: Mapping[UUID, State]) -> None:
        self.refusal: Refusal | None = None
        self._roster = roster
        self._self_id: UUID | None = None
        self._told: dict[UUID, State] = {}
        #: Who has changed since; in order, and each once.
        self._changed: dict[UUID, None] = {}
        self._anew = False
        self._over = False
        self._more = asyncio.Event()

    def enter(self, room: Room) -> None:
        room.watchers.add(self)

    def leave(self, room: Room) -> None:
        room.watchers.discard(self)

    def begin(self, self_id: UUID) -> None:
        self._self_id = self_id
        self.tell_anew()

    def tell(self, id: UUID, *, even_self: bool = False) -> None:
        """That somebody has changed: of oneself only what others did."""
        if id != self._self_id or even_self:
            self._changed[id] = None
            self._more.set()

    def tell_anew(self) -> None:
        self._anew = True
        self._more.set()

    def end(self, refusal: Refusal | None = None) -> None:
        self.refusal = refusal
        self._over = True
        self._more.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Told:
        while True:
            if self._over:
                if self.refusal:
                    raise self.refusal
                raise StopAsyncIteration
            if (told := self._next()) is not None:
                return told
            self._more.clear()
            await self._more.wait()

    def _next(self) -> Told | None:
        if self._self_id is None:
            return None
        if self._anew or are_many(len(self._changed), len(self._roster)):
            self._anew = False
            self._changed.clear()
            self._told = dict(self._roster)
            return Snapshot(self._self_id, [*self._told.values()])
        while self._changed:
            id = next(iter(self._changed))
            del self._changed[id]
            now, before = self._roster.get(id), self._told.pop(id, None)
            if now is not None:
                self._told[id] = now
                if before is None or not now.shows_as(before):
                    return Updated(now)
            elif before is not None:
                return Left(id)
        return None
