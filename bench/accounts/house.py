"""A house with people in it who have passwords, and two programs that serve it."""

import os
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

import aiohttp
import asyncpg
import orjson

from bench.accounts.asking import PASSWORD, Asker
from bench.accounts.timed import ALONE, HASHED
from bench.machine import stay_on_load_core
from bench.seed.rows import USERS
from bench.servers import Leporello, Place
from bench.stack import seeded
from resolvers.password import Passwords

_PEOPLE: Final = "UPDATE users SET password_hash = $1, email_verified_at = now()"


class Program(Leporello):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "bench.accounts.timed"]

    def environment(self, place: Place) -> Mapping[str, str]:
        # Everybody comes from a place of their own, so that nobody is locked out for what others try.
        return {**super().environment(place), "TRUSTED_PROXIES": "127.0.0.0/8"}

    def move(self, cores: Collection[int]) -> None:
        """All of its threads; those that come later go where the one is that starts them."""
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            os.sched_setaffinity(int(thread), cores)


@dataclass(frozen=True)
class House:
    programs: tuple[Program, Program]
    http: aiohttp.ClientSession
    _numbers: "count[int]"

    @property
    def program(self) -> Program:
        return self.programs[0]

    def asker(self, program: Program | None = None) -> Asker:
        """A client at an address that nobody else has."""
        number = next(self._numbers)
        return Asker(
            self.http, (program or self.program).url, f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        )

    def email(self) -> str:
        """Of somebody, each in turn."""
        return f"reader{self.numbers(1)[0]}@example.org"

    def numbers(self, people: int) -> list[int]:
        """Of so many readers, each in turn."""
        return [next(self._numbers) % USERS for _ in range(people)]

    async def alone(self) -> float:
        """Seconds of a comparison when nothing else is asked."""
        return (await self._seconds(ALONE))[-1]

    async def hashed(self) -> list[float]:
        """Seconds of each comparison since this was last asked."""
        return await self._seconds(HASHED)

    async def _seconds(self, path: str) -> list[float]:
        async with self.http.get(f"{self.program.url}{path}") as answer:
            seconds: list[float] = orjson.loads(await answer.read())
            return seconds


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """Each of the programs on the first core; Postgres, Valkey and we on the other. Raises Unfit and StackFailed."""
    stay_on_load_core()
    async with AsyncExitStack() as stack:
        place, _ = await stack.enter_async_context(seeded())
        await _let_in(place.database_url)
        programs = Program("accounts"), Program("accounts-too")
        for program in programs:
            await stack.enter_async_context(program.serving(place))
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield House(programs, http, count())


async def _let_in(database_url: str) -> None:
    passwords = Passwords()
    try:
        hash = await passwords.hash(PASSWORD)
    finally:
        passwords.close()
    database = await asyncpg.connect(database_url)
    try:
        await database.execute(_PEOPLE, hash)
        await database.execute("VACUUM ANALYZE users")
    finally:
        await database.close()
