"""The presences of this process: their rooms, opened for the first who comes and closed after the last."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Self, TypeVar
from uuid import UUID, uuid4

from models.columns import now
from models.id import new_id
from models.refusal import Forbidden, Unavailable
from resolvers.presence.elsewhere import Elsewhere
from resolvers.presence.hearing import Hearing
from resolvers.presence.pulse import Pulse
from resolvers.presence.room import GRACE, PLACES, PRESENT_LIMIT, Crowded, Own, Room, Watching, key_of
from resolvers.presence.seats import Seats
from resolvers.presence.tending import Tending
from storage.broadcast import Announcements
from storage.database import Database
from storage.presence import FULL, Line, State, Store
from storage.revocations import Revocations

UNSEEN: Final = "You may not see who is in this book any more."

W = TypeVar("W", bound=Watching)


class Presences:
    """Of one process. Without Redis each process sees its own people, and nothing waits for it."""

    def __init__(self, url: str, database: Database, announcements: Announcements, revocations: Revocations) -> None:
        process = uuid4().hex
        self.database = database
        self.line = Line(url)
        self.store = Store(self.line, process)
        self.pulse = Pulse(self.store)
        self.elsewhere = Elsewhere(database, self.store)
        self._revocations = revocations
        self._rooms: dict[UUID, Room] = {}
        self._own: dict[tuple[UUID, str], Own] = {}
        self._seats = Seats(database, self._settle)
        self._tending = Tending(self.store, self.pulse, self._rooms)
        self._hearing = Hearing(announcements, self._tending, self._seats, self.pulse, self.own, process)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for part in (self.line, self.pulse, self._seats, self._tending):
            self._tasks.append(asyncio.create_task(part.run(), name=f"presence: {type(part).__name__.lower()}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        # Whoever has just left is told to the other processes, where they may come back as the same.
        await self.line.drain()
        for room in list(self._rooms.values()):
            self._close(room)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.line.close()

    def own(self, book_id: UUID, key: str) -> Own | None:
        """The presence of this key, where it is this process's."""
        return self._own.get((book_id, key))

    @asynccontextmanager
    async def joined(
        self,
        book_id: UUID,
        client_id: UUID,
        watching: Callable[[Room], W],
        *,
        user_id: UUID,
        session_id: UUID,
        role: str,
    ) -> AsyncIterator[W]:
        """Somebody is there meanwhile, and watches. Raises Crowded for one too many."""
        room = self._open(book_id)
        watcher = watching(room)
        own = Own(room, key_of(session_id, client_id), session_id, State(new_id(), user_id, role, now()), watcher)
        before, self._own[book_id, own.key] = self.own(book_id, own.key), own
        watcher.enter(room)
        room.places[user_id] += 1
        try:
            await room.listening.wait()
            await self._join(own, before)
            yield watcher
        finally:
            self._leave(own)
            watcher.leave(room)
            room.places[user_id] -= 1
            if not room.watchers:
                self._close(room)

    async def _join(self, own: Own, before: Own | None) -> None:
        """The same tab may come back before its old connection was seen to be dead."""
        room, asked = own.room, own.state
        theirs = sum(state.user_id == asked.user_id for state in room.roster.values())
        if max(theirs, room.places[asked.user_id] - 1) >= PLACES and not before:
            raise Crowded(f"You are in this book {PLACES} times already.")
        joined = await self.store.join(room.book_id, own.key, asked, PRESENT_LIMIT)
        if joined is FULL or (joined is None and not before and len(room.roster) >= PRESENT_LIMIT):
            raise Crowded(f"There are {PRESENT_LIMIT} in this book already.")
        own.begin(joined, before)
        if before:
            before.watcher.end()
            self.pulse.forget(before)
        room.own[own.state.id] = own
        if joined is not None:
            room.take(joined.present)
        room.put(own.state)
        own.watcher.begin(own.state.id)
        if own.state.role != asked.role:
            self._settle(own, asked.role)
        if own.early:
            self.pulse.change(own, own.early)
        if joined is None:
            self.pulse.save(own)
        # Their role may be another since it was read.
        self._seats.look(room)

    def _leave(self, own: Own) -> None:
        self.pulse.forget(own)
        room, place = own.room, (own.room.book_id, own.key)
        if room.own.get(own.state.id) is own:
            del room.own[own.state.id]
        if self._own.get(place) is not own:
            return
        del self._own[place]
        grace = 0.0 if own.watcher.refusal or self._is_over(own.session_id) else GRACE
        self.store.leave(room.book_id, own.state, grace)
        there = room.roster.get(own.state.id)
        # Not those who have come back in another process meanwhile.
        if there and there.version[0] == own.state.version[0]:
            room.miss(own.state.id) if grace else room.remove(own.state.id)

    def _settle(self, own: Own, role: str | None) -> None:
        if role is None:
            own.watcher.end(Forbidden(UNSEEN))
        else:
            self.pulse.give_role(own, role)

    def _is_over(self, session_id: UUID) -> bool:
        with suppress(Unavailable):
            return self._revocations.covers(session_id)
        return False

    def _open(self, book_id: UUID) -> Room:
        room = self._rooms.get(book_id)
        if room is None:
            room = self._rooms[book_id] = Room(book_id)
            self._hearing.begin(room)
        return room

    def _close(self, room: Room) -> None:
        self._rooms.pop(room.book_id, None)
        self._seats.forget(room)
        for task in room.tasks:
            task.cancel()
            # Ended by itself: a listener leaves without waiting for anything.
            self._tasks.append(task)
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        with suppress(ValueError):
            self._tasks.remove(task)
