"""Staying there, and finding out who has not: what no message tells."""

import asyncio
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import structlog

from resolvers.presence.pulse import Pulse
from resolvers.presence.room import Room
from storage.presence import Store

log = structlog.get_logger()

#: Seconds between the heartbeats that renew all of a process's own, and between looks at who was not renewed.
HEARTBEAT = 10.0
SWEEP = 2.5
#: Rooms that are tended at once: what one exchange with Redis can carry, with some of what people do.
_AT_ONCE: Final = 200


class Tending:
    """All rooms of a process, together in as few writes as can be."""

    def __init__(self, store: Store, pulse: Pulse, rooms: Mapping[UUID, Room]) -> None:
        self._store = store
        self._pulse = pulse
        self._rooms = rooms

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        renewed_at = loop.time()
        while True:
            await asyncio.sleep(SWEEP)
            renews = loop.time() >= renewed_at + HEARTBEAT
            if renews:
                renewed_at = loop.time()
            try:
                rooms = list(self._rooms.values())
                for at in range(0, len(rooms), _AT_ONCE):
                    await asyncio.gather(*(self._tend(room, renews=renews) for room in rooms[at : at + _AT_ONCE]))
            except Exception:
                log.exception("those who are there are not tended")

    async def read_again(self, room: Room) -> None:
        """After something may have been missed: this process's own are told, everybody else's read."""
        for own in list(room.own.values()):
            self._pulse.save(own)
        room.is_stale = not await self._read(room)
        if not room.is_stale:
            for watcher in room.watchers:
                watcher.tell_anew()

    async def _tend(self, room: Room, *, renews: bool) -> None:
        if room.is_stale:
            await self.read_again(room)
        own = [own for own in room.own.values() if own.is_saved]
        for each in room.own.values():
            if not each.is_saved:
                self._pulse.save(each)
        if renews or len(room.roster) > len(own):
            answer = await self._store.tend(room.book_id, [each.state for each in own] if renews else [])
            if answer is not None:
                count, lost = answer
                for each in own:
                    if each.state.id in lost:
                        self._pulse.save(each)
                if count != room.expected:
                    await self._read(room)
        room.expire()

    async def _read(self, room: Room) -> bool:
        present = await self._store.read(room.book_id)
        if present is None:
            return False
        room.take(present)
        return True
