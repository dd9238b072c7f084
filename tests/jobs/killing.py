"""Workers in processes of their own that are killed in the midst of jobs, and what must be left of them."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg

from storage.jobs import Job, Queue
from tests.jobs.kinds import POISON, TABLES
from tests.running import ROOT

#: Seconds for which a killed one holds its jobs, until a worker has begun something, and until all is done.
LEASE = 1.0
BEGINNING = 60.0
ENDING = 120.0
#: Jobs that wait at least while workers are killed, and the first number of those that kill.
BACKLOG = 40
POISONED = 1_000_000


@dataclass
class Seen:
    """What came of it: `faults` must be empty, and `cut_off` tries were met by a kill."""

    jobs: int
    cut_off: int
    faults: list[str] = field(default_factory=list)


class Workers:
    """Two that run side by side; one that has ended is begun anew."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._running: list[int] = []
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._begun: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._gone: set[int] = set()

    async def __aenter__(self) -> "Workers":
        self._parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.jobs.program", str(LEASE)),
            cwd=ROOT,
            env=self._environment,
            stdin=PIPE,
            stdout=PIPE,
        )
        self._hearing = asyncio.create_task(self._hear())
        self._running = [await self._start() for _ in range(2)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for pid in self._running:
            # One that the parent has not put away keeps its number.
            if pid not in self._gone:
                os.kill(pid, signal.SIGKILL)
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        await self._parent.wait()
        await self._hearing

    async def kill(self, place: int, after: float) -> None:
        """With SIGKILL, so many seconds after it has begun its first job."""
        pid = self._running[place]
        async with asyncio.timeout(BEGINNING):
            await self._begun[pid].wait()
        await asyncio.sleep(after)
        os.kill(pid, signal.SIGKILL)
        self._running[place] = await self._start()

    async def revive(self) -> None:
        """Begins those anew that have ended by themselves."""
        self._say("look")
        for place, pid in enumerate(self._running):
            if pid in self._gone:
                self._running[place] = await self._start()

    async def _start(self) -> int:
        self._say("start")
        async with asyncio.timeout(BEGINNING):
            return await self._started.get()

    def _say(self, word: str) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.write(f"{word}\n".encode())

    async def _hear(self) -> None:
        assert self._parent.stdout is not None
        async for line in self._parent.stdout:
            word, pid = line.decode().split()
            if word == "pid":
                self._started.put_nowait(int(pid))
            elif word == "gone":
                self._gone.add(int(pid))
            else:
                self._begun[int(pid)].set()


async def kill(
    sql: asyncpg.Connection, environment: Mapping[str, str], *, kills: int, poisoned: int, seed: int
) -> Seen:
    """Kills so often, then has so many jobs kill their worker by themselves, and looks at what all jobs have done."""
    chance = random.Random(seed)
    jobs = 0
    await sql.execute(TABLES)
    async with Workers(environment) as workers:
        for number in range(kills):
            if await _count(sql, "WAITING") < BACKLOG:
                await Queue.put(sql, [Job("test.effect", {"number": jobs + each}) for each in range(2 * BACKLOG)])
                jobs += 2 * BACKLOG
            await workers.kill(number % 2, chance.uniform(0, 0.1))
        await Queue.put(sql, [Job("test.poison", {"number": POISONED + n}, priority=1) for n in range(poisoned)])
        async with asyncio.timeout(ENDING):
            while await _count(sql, "WAITING", "RUNNING"):
                await workers.revive()
                await asyncio.sleep(0.02)
    return await _seen(sql, jobs, poisoned)


async def _count(sql: asyncpg.Connection, *states: str) -> int:
    return int(await sql.fetchval("SELECT count(*) FROM jobs WHERE state = ANY($1)", states))


async def _seen(sql: asyncpg.Connection, jobs: int, poisoned: int) -> Seen:
    effects = await sql.fetch("SELECT number, count(*) FROM effects GROUP BY number")
    wanted = {*range(jobs), *range(POISONED, POISONED + poisoned)}
    begun = await sql.fetchval("SELECT count(*) FROM begun WHERE number < $1", POISONED)
    seen = Seen(jobs, begun - jobs)
    if missing := wanted - {row["number"] for row in effects}:
        seen.faults.append(f"{len(missing)} jobs have done nothing: {sorted(missing)[:5]}")
    if twice := sorted(row["number"] for row in effects if row["count"] != 1):
        seen.faults.append(f"{len(twice)} jobs have done it more than once: {twice[:5]}")
    dead = [tuple(row) for row in await sql.fetch("SELECT name, tries, error FROM jobs WHERE state = 'DEAD'")]
    if dead != [("test.poison", POISON.tries, "Its worker was lost.")] * poisoned:
        seen.faults.append(f"dead are {dead[:5]}")
    return seen
