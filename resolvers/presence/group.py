"""Those in one room who ask alike: what each change comes to is made once for all of them."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog

from resolvers.presence.answers import Answers
from resolvers.presence.projection import Projection, Unshared
from resolvers.presence.watcher import are_many
from storage.presence import State

if TYPE_CHECKING:
    from resolvers.presence.follower import Follower
    from resolvers.presence.room import Room

log = structlog.get_logger()

#: Seconds until people that could not be read are asked for again.
AGAIN: Final = 0.5
#: Answers that are sent before everybody else has their turn.
TURN: Final = 500
#: Seconds that sending to all may take without a pause after it.
HURRY: Final = 0.001


class Group:
    """Told of changes as a `Watcher` is, and tells all of its followers."""

    def __init__(self, room: Room, projection: Projection) -> None:
        self.followers: dict[Follower, None] = {}
        self._room = room
        self._key = projection.key
        self._answers = Answers(room.book_id, projection)
        #: What those who are live have been told. Never changed, but replaced: who falls behind goes on from it.
        self._shown: Mapping[UUID, State] = {}
        self._place = 0
        #: Who has changed since, and whether that is news to themselves.
        self._changed: dict[UUID, bool] = dict.fromkeys(room.roster, False)
        #: Of people who have to be met first.
        self._unmet: dict[UUID, bool] = {}
        self._newcomers: dict[Follower, None] = {}
        self._is_anew = False
        self._more = asyncio.Event()
        self._meeting: asyncio.Task[None] | None = None
        # As a part of nobody's operation.
        self._task = asyncio.create_task(self._run(), name="presence: group", context=contextvars.Context())

    @classmethod
    def of(cls, room: Room, projection: Projection) -> Group:
        """The one for whoever asks so."""
        group = room.groups.get(projection.key)
        if group is None:
            group = room.groups[projection.key] = cls(room, projection)
            room.watchers.add(group)
        return group

    def remove(self, follower: Follower) -> None:
        del self.followers[follower]
        self._newcomers.pop(follower, None)
        if not self.followers:
            self._close()
            for task in (self._task, self._meeting):
                if task:
                    task.cancel()

    def _close(self) -> None:
        self._room.watchers.discard(self)
        if self._room.groups.get(self._key) is self:
            del self._room.groups[self._key]

    def tell(self, id: UUID, *, even_self: bool = False) -> None:
        self._changed[id] = even_self or self._changed.get(id, False)
        self._more.set()

    def tell_anew(self) -> None:
        self._is_anew = True
        self._more.set()

    async def admit(self, follower: Follower) -> None:
        """Tells it who is there, as soon as all of them are known. Raises what reading them raises."""
        await self._look(follower, [*self._room.roster])
        self._newcomers[follower] = None
        self._more.set()

    def catch_up(self, follower: Follower) -> None:
        """Tells it what it has missed."""
        assert follower.self_id
        told = follower.told
        payloads = None if told is None else self._missed(follower, told)
        if payloads is None:
            payloads = [self._answers.snapshot(follower.self_id, self._shown.values())]
        if payloads:
            follower.sink.send(payloads)
        follower.is_live, follower.told, follower.missed_self = True, None, False
        follower.place = self._place

    async def _run(self) -> None:
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                began = monotonic()
                await self._spread()
                took = monotonic() - began
                if took > HURRY:
                    # All else that is done here has as much of our time; what comes meanwhile is merged.
                    await asyncio.sleep(took)
        except Exception as error:
            log.exception("who is there is told no longer", book_id=str(self._room.book_id))
            self._end(error)

    def _end(self, error: Exception) -> None:
        # Whoever comes now is not to wait for it.
        self._close()
        for follower in self.followers:
            follower.end(error)

    async def _spread(self) -> None:
        before = self._shown
        news, aloud = self._news()
        anew, self._is_anew = self._is_anew or are_many(len(news), len(before)), False
        newcomers, self._newcomers = self._newcomers, {}
        payloads, places = [*news.values()], {id: place for place, id in enumerate(news)}
        last, self._place = self._place, self._place + 1
        count = 0
        for follower in [*self.followers]:
            if not follower.is_live or follower.place != last:
                follower.missed_self |= follower.self_id in aloud
                if anew:
                    follower.told = None
                if follower in newcomers and not follower.is_over:
                    count += self._begin(follower)
                continue
            own = places.get(follower.self_id) if follower.self_id not in aloud else None  # type: ignore[arg-type]
            told = payloads if own is None else payloads[:own] + payloads[own + 1 :]
            if anew:
                count += self._begin(follower)
            elif follower.sink.is_busy and told:
                follower.missed_self = follower.self_id in aloud
                follower.lag(before)
            else:
                if told:
                    follower.sink.send(told)
                follower.place = self._place
                count += len(told)
            if count >= TURN:
                count = 0
                await asyncio.sleep(0)

    def _begin(self, follower: Follower) -> int:
        """How many are told of."""
        if follower.sink.is_busy:
            follower.lag(None)
            return 0
        follower.told = None
        self.catch_up(follower)
        return len(self._shown)

    def _news(self) -> tuple[dict[UUID, bytes], set[UUID]]:
        """What is new to those who are live, and what of it is news to themselves as well."""
        changed, self._changed = self._changed, {}
        shown, news, aloud = dict(self._shown), dict[UUID, bytes](), set[UUID]()
        for id, even_self in changed.items():
            state, before = self._room.roster.get(id), shown.get(id)
            if state and not self._answers.knows(state.user_id):
                self._meet(id, even_self)
                continue
            payload = self._answers.updated(state)
            if state and payload:
                shown[id] = state
                if before and state.shows_as(before):
                    continue
            elif before:
                del shown[id]
                payload = self._answers.left(id)
            else:
                continue
            news[id] = payload
            if even_self:
                aloud.add(id)
        self._shown = shown
        return news, aloud

    def _missed(self, follower: Follower, told: Mapping[UUID, State]) -> list[bytes] | None:
        """None when it is too much."""
        own = None if follower.missed_self else follower.self_id
        payloads = [self._answers.left(id) for id in told if id not in self._shown and id != own]
        for id, state in self._shown.items():
            before = told.get(id)
            if before is state or id == own or (before and state.shows_as(before)):
                continue
            if payload := self._answers.updated(state):
                payloads.append(payload)
        return None if are_many(len(payloads), len(self._shown)) else payloads

    def _meet(self, id: UUID, even_self: bool) -> None:
        self._unmet[id] = even_self
        if self._meeting is None or self._meeting.done():
            self._meeting = asyncio.create_task(self._met(), name="presence: meeting", context=contextvars.Context())

    async def _met(self) -> None:
        """Until all are known; the others are told of meanwhile."""
        failing = False
        while self._unmet:
            try:
                await self._look(next(iter(self.followers)), [*self._unmet])
            except Unshared as error:
                self._end(error)
                return
            except Exception:
                # Said once an outage.
                if not failing:
                    log.exception("it is not known who has come", book_id=str(self._room.book_id))
                failing = True
                await asyncio.sleep(AGAIN)
            else:
                unmet, self._unmet = self._unmet, {}
                for id, even_self in unmet.items():
                    self.tell(id, even_self=even_self)

    async def _look(self, follower: Follower, ids: list[UUID]) -> None:
        there = (self._room.roster.get(id) for id in ids)
        changed = await self._answers.look(follower.context, {state.user_id for state in there if state})
        for id, state in self._room.roster.items():
            if state.user_id in changed:
                self.tell(id)
