"""What a room hears: of its people from the other processes, and of its book that somebody's place may be another."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
import structlog

from models import Role
from resolvers.presence.pulse import Pulse
from resolvers.presence.room import Own, Room
from resolvers.presence.seats import Seats
from resolvers.presence.tending import Tending
from storage.broadcast import GAP, Announcements
from storage.channels import book_channel
from storage.presence import State, patch_of, presence_channel

log = structlog.get_logger()


class Hearing:
    def __init__(
        self,
        announcements: Announcements,
        tending: Tending,
        seats: Seats,
        pulse: Pulse,
        own: Callable[[UUID, str], Own | None],
        process: str,
    ) -> None:
        self._announcements = announcements
        self._tending = tending
        self._seats = seats
        self._own = own
        self._pulse = pulse
        self._process = process

    def begin(self, room: Room) -> None:
        room.tasks += [
            asyncio.create_task(self._people(room), name="presence: people"),
            asyncio.create_task(self._book(room), name="presence: book"),
        ]

    async def _book(self, room: Room) -> None:
        async with self._announcements.listen(book_channel(room.book_id)) as heard:
            async for _ in heard:
                self._seats.look(room)

    async def _people(self, room: Room) -> None:
        async with self._announcements.listen(presence_channel(room.book_id)) as heard:
            room.listening.set()
            async for message in heard:
                try:
                    if message is GAP:
                        await self._tending.read_again(room)
                    else:
                        self._hear(room, message)
                except (ValueError, TypeError, KeyError) as error:
                    # From a newer program, or from nobody: the others go on.
                    log.warning("who is there cannot be understood", why=repr(error))

    def _hear(self, room: Room, message: str) -> None:
        word, rest = message.split(" ", 1)
        if word == self._process:
            return
        if word == "left":
            self._left(room, UUID(rest))
        elif word == "to":
            key, json = rest.split(" ", 1)
            self._forwarded(room, key, orjson.loads(json))
        else:
            self._put(room, State.of(*rest.split(" ", 3)))

    def _left(self, room: Room, id: UUID) -> None:
        if own := room.own.get(id):
            # They are still here, whatever others believe.
            self._pulse.save(own)
        else:
            room.remove(id)

    def _put(self, room: Room, state: State) -> None:
        room.put(state)
        own = room.own.get(state.id)
        if own and own.state.version[0] < state.version[0]:
            # They have come back in another process.
            own.watcher.end()

    def _forwarded(self, room: Room, key: str, told: dict[str, Any]) -> None:
        if own := self._own(room.book_id, key):
            patch = patch_of(told)
            if not Role(own.state.role).includes(Role.EDITOR):
                patch.pop("frames", None)
            self._pulse.change(own, patch)
