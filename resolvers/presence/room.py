"""Who is in one book, as this process knows it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from models.refusal import LimitReached, Refusal
from storage.presence import Joined, Patch, State

if TYPE_CHECKING:
    from resolvers.presence.group import Group

#: How many can be in one book.
PRESENT_LIMIT = 500
#: And how many of them may be one person's: tabs and devices.
PLACES = 20
#: Seconds for which one who is gone may come back as the same.
GRACE = 5.0
#: Seconds for which what was read before somebody left does not bring them back.
_GONE: Final = 5.0


class Crowded(LimitReached):
    """The stream cannot begin, so that no payload could tell of it."""

    outermost = True


class Listening(Protocol):
    """Told of what changes in a room."""

    def tell(self, id: UUID, *, even_self: bool = False) -> None:
        """That somebody has changed: of oneself only what others did."""

    def tell_anew(self) -> None: ...


class Watching(Protocol):
    """One who is told who is there, by themselves or with others."""

    @property
    def refusal(self) -> Refusal | None:
        """What it was ended with."""

    def enter(self, room: Room) -> None: ...

    def leave(self, room: Room) -> None: ...

    def begin(self, self_id: UUID) -> None:
        """They have joined."""

    def end(self, refusal: Refusal | None = None) -> None: ...


def key_of(session_id: UUID, client_id: UUID) -> str:
    """A tab of a session: nobody else's client id is ever the same."""
    return f"{session_id}.{client_id}"


@dataclass(eq=False)
class Own:
    """The presence of a subscription of this process. Nobody else changes it."""

    room: Room
    key: str
    session_id: UUID
    state: State
    watcher: Watching
    #: Whether it has joined; what was sent before that is `early`.
    is_in: bool = False
    early: Patch = field(default_factory=Patch)
    #: Whether Redis has never had it, and whether it has it now.
    is_fresh: bool = True
    is_saved: bool = False

    def begin(self, joined: Joined | None, before: Own | None) -> None:
        """It is what Redis says; without Redis what it was on its last connection, where we had that too."""
        self.is_in, self.is_fresh, self.is_saved = True, joined is None, joined is not None
        if joined is not None:
            # Who they are comes from us, whatever was remembered.
            self.state = replace(joined.own, user_id=self.state.user_id)
        elif before and before.is_in:
            generation, count = before.state.version
            self.state, self.is_fresh = replace(before.state, version=(generation + 1, count)), before.is_fresh


class Room:
    """The roster is what all its watchers read. The newest state of each wins, in whatever order they come."""

    def __init__(self, book_id: UUID) -> None:
        self.book_id = book_id
        self.roster: dict[UUID, State] = {}
        self.watchers: set[Listening] = set()
        #: Those who ask alike, by what they ask.
        self.groups: dict[Hashable, Group] = {}
        self.own: dict[UUID, Own] = {}
        #: How many of each person's are here, or come.
        self.places: Counter[UUID] = Counter()
        #: Set once nothing that is told can be missed without a word.
        self.listening = asyncio.Event()
        #: Whether something may have been missed that has not been read since.
        self.is_stale = False
        self.tasks: list[asyncio.Task[None]] = []
        #: When they have left, unless they are seen until then.
        self._missing: dict[UUID, float] = {}
        self._gone: dict[UUID, float] = {}

    @property
    def expected(self) -> int:
        """How many there are in Redis, if nothing was missed."""
        return len(self.roster) - len(self._missing)

    def put(self, state: State, *, even_self: bool = False) -> None:
        self._missing.pop(state.id, None)
        self._gone.pop(state.id, None)
        known = self.roster.get(state.id)
        if known is None or known.version < state.version:
            self.roster[state.id] = state
            self._tell(state.id, even_self=even_self)

    def remove(self, id: UUID) -> None:
        self._missing.pop(id, None)
        self._gone[id] = _now() + _GONE
        if self.roster.pop(id, None):
            self._tell(id)

    def miss(self, id: UUID) -> None:
        """It has left after a while, unless it is seen until then."""
        self._missing.setdefault(id, _now() + GRACE)

    def take(self, present: Iterable[State]) -> None:
        """What was read, which may be older than what was told."""
        read = {state.id: state for state in present}
        for id, state in read.items():
            if id not in self._gone and id not in self.own:
                self.put(state)
        for id in self.roster.keys() - read.keys() - self.own.keys():
            self.miss(id)

    def expire(self) -> None:
        now = _now()
        for id in [id for id, at in self._missing.items() if at <= now]:
            self.remove(id)
        self._gone = {id: at for id, at in self._gone.items() if at > now}

    def _tell(self, id: UUID, *, even_self: bool = False) -> None:
        for watcher in self.watchers:
            watcher.tell(id, even_self=even_self)


def _now() -> float:
    return asyncio.get_running_loop().time()
