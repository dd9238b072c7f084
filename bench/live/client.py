"""The load: many sockets that follow one book, and what came to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from bench.live.program import Program, speaking
from bench.machine import Unfit

OPEN_LIMIT: Final = 120.0
"""Seconds until all sockets are open."""
_SAY_LIMIT: Final = 10.0
"""Seconds for a word from a program that has nothing to wait for."""


@dataclass(frozen=True)
class Following:
    """How a server is followed: plainly, unless there is something to subscribe to."""

    path: str
    #: Payloads of `connection_init`, taken in turn, and that of `subscribe`: graphql-transport-ws.
    inits: Sequence[str] = ()
    subscribe: str = ""


@dataclass(frozen=True)
class Come:
    """What came between `begin` and `end`; times in microseconds."""

    events: int
    bytes: int
    stale: int
    unstamped: int
    #: Numbers that a socket never saw, and such as it saw again.
    gaps: int
    repeats: int
    closed: int
    #: From the first event to the last: when they were sent, and when the last of the sockets had them.
    sending: int
    coming: int
    p50: int
    p95: int
    p99: int
    max: int
    #: The first thing that went wrong, ever.
    fault: str


class Client:
    """Entered with `following`: all sockets are open then."""

    def __init__(self, program: Program, sockets: int) -> None:
        self._program = program
        self.sockets = sockets

    @property
    def pid(self) -> int:
        return self._program.pid

    async def all_have_heard(self, limit: float) -> None:
        """That each has had an event. Raises Unfit when that does not come true in time."""
        self._program.say("hear")
        await self._program.hear("heard", limit)

    async def begin(self) -> None:
        """Counts from here on what is sent from here on."""
        self._program.say("begin")
        await self._program.hear("begun", _SAY_LIMIT)

    async def end(self, events: int, limit: float) -> Come:
        """As soon as so many have come, after so many seconds, or when no socket is left."""
        self._program.say(f"end {events} {int(limit * 1e6)}")
        return Come(**orjson.loads("{" + await self._program.hear("{", limit + _SAY_LIMIT)))


@asynccontextmanager
async def following(client: Path, port: int, how: Following, sockets: int, folder: Path) -> AsyncIterator[Client]:
    """Raises Unfit when some cannot be opened."""
    words = [str(client), str(port), how.path, str(sockets)]
    if how.subscribe:
        inits, subscribe = folder / "inits", folder / "subscribe"
        inits.write_text("".join(f"{one}\n" for one in how.inits))
        subscribe.write_text(f"{how.subscribe}\n")
        words += ["graphql", str(inits), str(subscribe)]
    else:
        words.append("raw")
    async with speaking(words) as program:
        opened, gone, *fault = (await program.hear("ready", OPEN_LIMIT)).split(" ", 2)
        if int(gone):
            raise Unfit(f"Only {opened} of {sockets} sockets opened: {' '.join(fault)}")
        yield Client(program, sockets)
