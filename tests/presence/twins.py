"""Honest small twins of what a group is given: a selection that counts, and people who may be unknown."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import orjson

from models.columns import now
from models.id import new_id
from models.refusal import Refusal
from resolvers.context import Context
from resolvers.presence.follower import Follower
from resolvers.presence.projection import Portrait, Stand, Unshared
from resolvers.presence.room import Room
from storage.presence import State
from tests.client import PATIENCE
from tests.live.twins import Paper


@dataclass
class Places:
    """Asks where each of them points; `resolvers.presence.projection.Projection`."""

    key: Hashable = "places"
    #: Called before people are read; may raise, or give something to wait for.
    before: Callable[[], Any] = lambda: None
    #: Those who do not belong to the book.
    strangers: set[UUID] = field(default_factory=set)
    #: The people of each reading, and how many answers were made.
    read: list[set[UUID]] = field(default_factory=list)
    made: int = 0

    async def portraits(self, context: Context, book_id: UUID, user_ids: Collection[UUID]) -> Mapping[UUID, Portrait]:
        self.read.append({*user_ids})
        if (waiting := self.before()) is not None:
            await waiting
        return {id: {} for id in user_ids if id not in self.strangers}

    def updated(self, state: State, portrait: Portrait) -> bytes:
        self.made += 1
        return orjson.dumps({"is": [state.id, _x(state)]})

    def left(self, id: UUID) -> bytes:
        return orjson.dumps({"left": id})

    def stand(self, state: State, portrait: Portrait) -> Stand:
        return (orjson.dumps([state.id, _x(state)]),)

    def snapshot(self, self_id: UUID, present: Sequence[Stand]) -> bytes:
        return b'{"self":"%b","all":[%b]}' % (str(self_id).encode(), b",".join(stand for (stand,) in present))


def _x(state: State) -> float:
    # Raises TypeError for what a newer program may tell.
    return state.cursor[0] if state.cursor else 0


def moved(state: State, x: float, *, role: str | None = None) -> State:
    generation, count = state.version
    return replace(state, version=(generation, count + 1), cursor=(x, 0), role=role or state.role)


@dataclass
class There:
    """Somebody who watches a room."""

    room: Room
    follower: Follower
    paper: Paper
    running: asyncio.Task[None]
    me: State
    first: dict[str, Any] = field(default_factory=dict)

    def move(self, x: float, **more: Any) -> None:
        self.me = moved(self.me, x, **more)
        self.room.put(self.me, even_self=bool(more))

    async def sees(self, *others: tuple[State, float]) -> None:
        """The next are that these point there, and nothing else is waiting."""
        for state, x in others:
            assert await self.paper.next() == {"is": [str(state.id), x]}
        assert self.paper.sent.empty()

    async def ending(self) -> BaseException | None:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self.running])
        return self.running.exception()


def somebody() -> State:
    return State(new_id(), uuid4(), "EDITOR", now())


@asynccontextmanager
async def there(room: Room, asked: Places, *, is_told: bool = True) -> AsyncIterator[There]:
    """One who has been told who is there."""
    paper, nobody = Paper(), Any
    follower = Follower(nobody, asked, paper)  # type: ignore[arg-type]
    follower.enter(room)
    me = somebody()
    room.put(me)
    follower.begin(me.id)
    one = There(room, follower, paper, asyncio.create_task(follower.run()), me)
    try:
        if is_told:
            one.first = await paper.next()
        yield one
    finally:
        one.running.cancel()
        with suppress(asyncio.CancelledError, Refusal, Unshared, ConnectionError):
            await one.running
        follower.leave(room)
