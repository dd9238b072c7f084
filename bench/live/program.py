"""A program that we speak with, line by line."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from bench.machine import Unfit

_END_LIMIT: Final = 5.0
"""Seconds from the end of its input to its own."""


class Program:
    """Entered with `speaking`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())

    async def hear(self, word: str, limit: float) -> str:
        """The rest of the next line, which begins with the word. Raises Unfit when another comes, or none in time."""
        assert self._process.stdout
        try:
            async with asyncio.timeout(limit):
                line = (await self._process.stdout.readline()).decode().rstrip("\n")
        except TimeoutError:
            raise Unfit(f"Nothing heard for {limit:.0f} s, where it should say {word!r}.") from None
        if not line.startswith(word):
            raise Unfit(f"It said {line!r} where it should say {word!r}: {await self._complaint()}")
        return line.removeprefix(word).strip()

    async def _complaint(self) -> str:
        assert self._process.stderr
        with suppress(TimeoutError):
            return (await asyncio.wait_for(self._process.stderr.read(2_000), _END_LIMIT)).decode(errors="replace")
        return "it gave no reason"


@asynccontextmanager
async def speaking(words: Sequence[str]) -> AsyncIterator[Program]:
    """On the cores that this process is on, or those that the words choose."""
    process = await asyncio.create_subprocess_exec(
        # Told to end when we are killed, too.
        *("setpriv", "--pdeathsig", "TERM", *words),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield Program(process)
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_LIMIT)
        except TimeoutError:
            process.kill()
            await process.wait()
