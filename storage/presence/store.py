"""The presences of all books, as Redis has them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal
from uuid import UUID

import structlog

from storage.presence.line import Line
from storage.presence.scripts import JOIN, LEAVE, PUT, READ, TEND, sha
from storage.presence.state import Patch, State, patch_json

log = structlog.get_logger()

#: Milliseconds for which one is there without being renewed, and after which a book's keys go by themselves.
LEASE = 20_000
KEPT: Final = 60_000


class Full(Enum):
    FULL = "full"


FULL: Final[Literal[Full.FULL]] = Full.FULL


@dataclass(frozen=True, slots=True)
class Joined:
    """What somebody's presence is now, and everybody's."""

    own: State
    present: list[State]


def presence_channel(book_id: UUID) -> str:
    """Carries who came, moved and left, as `scripts` tells."""
    return f"presence:{book_id}"


class Store:
    """Every method asks at once and can be awaited; None is said where Redis is away."""

    def __init__(self, line: Line, process: str) -> None:
        self._line = line
        self._process = process

    async def join(self, book_id: UUID, key: str, state: State, limit: int) -> Joined | Full | None:
        answer = await self._run(JOIN, book_id, self._process, str(state.id), key, state.json(), LEASE, KEPT, limit)
        if answer is None:
            return None
        if not answer:
            return FULL
        own, present = answer
        return Joined(State.of(*(part.decode() for part in own)), _states(present))

    async def put(self, book_id: UUID, key: str, state: State, *, fresh: bool) -> bool | None:
        """Whether it was still theirs to change."""
        generation, count = state.version
        answer = await self._run(
            PUT, book_id, self._process, str(state.id), generation, count, key, state.json(), LEASE, KEPT, int(fresh)
        )
        return None if answer is None else bool(answer)

    def leave(self, book_id: UUID, state: State, grace: float) -> None:
        """In so many seconds, unless somebody takes it over."""
        self._run(LEAVE, book_id, str(state.id), state.version[0], round(grace * 1000))

    async def tend(self, book_id: UUID, renewed: Iterable[State]) -> tuple[int, set[UUID]] | None:
        """How many are there, and which of those that were to be renewed are not."""
        given = [part for state in renewed for part in (str(state.id), state.version[0])]
        answer = await self._run(TEND, book_id, LEASE, KEPT, *given)
        return None if answer is None else (answer[0], {UUID(id.decode()) for id in answer[1]})

    async def read(self, book_id: UUID) -> list[State] | None:
        answer = await self._run(READ, book_id)
        return None if answer is None else _states(answer)

    async def has(self, book_id: UUID, key: str) -> bool | None:
        answer = await self._line.ask("HEXISTS", _keys(book_id)[2], key)
        return None if answer is None else bool(answer)

    def forward(self, book_id: UUID, key: str, patch: Patch) -> None:
        """To the process that the presence of this key belongs to."""
        self._line.ask("PUBLISH", presence_channel(book_id), f"to {key} {patch_json(patch)}")

    def _run(self, script: str, book_id: UUID, *arguments: str | int) -> asyncio.Future[Any]:
        keys = _keys(book_id)
        return self._line.ask("EVALSHA", sha(script), len(keys), *keys, presence_channel(book_id), *arguments)


def _keys(book_id: UUID) -> tuple[str, str, str]:
    # In braces what a cluster would choose the node by.
    name = f"presence:{{{book_id}}}"
    return f"{name}:states", f"{name}:due", f"{name}:of"


def _states(answer: Sequence[bytes]) -> list[State]:
    """Those that can be read: another program's may not."""
    found = []
    for id, value in zip(answer[::2], answer[1::2], strict=True):
        generation, count, _, json = value.decode().split(" ", 3)
        try:
            found.append(State.of(id.decode(), generation, count, json))
        except (ValueError, TypeError, KeyError):
            log.warning("a presence cannot be read", id=id.decode())
    return found
