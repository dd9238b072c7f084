"""Jobs for the tests: what they do can be counted in a table of its own."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from resolvers.jobs.kind import Backoff, Kind, Nothing
from resolvers.jobs.registry import Registry
from resolvers.jobs.run import Run
from storage.jobs import GaveUp

#: What a try has begun, and what a job has done.
TABLES = "CREATE TABLE begun (number int); CREATE TABLE effects (number int)"
AT_ONCE = Backoff(first=0.0)


@dataclass(frozen=True)
class Numbered:
    number: int = 0
    who: UUID | None = None


@dataclass
class Doing:
    """What jobs meet: what they have seen, and what they wait for or do."""

    seen: list[tuple[int, int]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    act: Callable[[Run, Numbered], Awaitable[None]] | None = None

    async def note(self, run: Run, asked: Numbered) -> None:
        self.seen.append((asked.number, run.tried))
        self.begun.set()
        if self.act is not None:
            await self.act(run, asked)

    async def wait(self, run: Run, asked: Numbered) -> None:
        await self.note(run, asked)
        await self.go.wait()

    async def fail(self, run: Run, asked: Numbered) -> None:
        await self.note(run, asked)
        raise RuntimeError(f"not \0 today, number {asked.number}" + "!" * 3_000)

    async def give_up(self, run: Run, asked: Numbered) -> None:
        await self.note(run, asked)
        raise GaveUp("there is nobody there")

    def kinds(self, **options: Any) -> Registry:
        """`options` are those of the kinds that end badly."""
        bad: dict[str, Any] = {"tries": 3, "backoff": AT_ONCE, **options}
        return Registry(
            [
                Kind("test.note", Numbered, self.note, **bad),
                Kind("test.wait", Numbered, self.wait, **bad),
                Kind("test.fail", Numbered, self.fail, dead="test.bury", **bad),
                Kind("test.give_up", Numbered, self.give_up, **bad),
                Kind("test.bury", Numbered, self.note, priority=10),
            ]
        )


async def effect(run: Run, asked: Numbered) -> None:
    """Begins, takes a moment, and does one thing in Postgres."""
    async with run.work() as work:
        await work.session.execute(text("INSERT INTO begun VALUES (:number)"), {"number": asked.number})
    print(f"begun {os.getpid()}", flush=True)
    # So that most of those who are killed when they say so are killed before they are done.
    await asyncio.sleep(0.05)
    async with run.finishing() as work:
        await work.session.execute(text("INSERT INTO effects VALUES (:number)"), {"number": asked.number})


async def poison(run: Run, asked: Numbered) -> None:
    """Takes its worker with it."""
    async with run.work() as work:
        await work.session.execute(text("INSERT INTO begun VALUES (:number)"), {"number": asked.number})
    os.kill(os.getpid(), signal.SIGKILL)


async def bury(run: Run, asked: Numbered) -> None:
    async with run.finishing() as work:
        await work.session.execute(text("INSERT INTO effects VALUES (:number)"), {"number": asked.number})


async def nothing(run: Run, asked: Nothing) -> None:
    pass


#: For workers that are killed.
EFFECT = Kind("test.effect", Numbered, effect, tries=1_000, backoff=AT_ONCE)
POISON = Kind("test.poison", Numbered, poison, tries=3, backoff=AT_ONCE, dead="test.bury", priority=1)
BURY = Kind("test.bury", Numbered, bury)
FATAL = Registry([EFFECT, POISON, BURY])
