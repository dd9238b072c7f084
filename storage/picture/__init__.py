"""What an uploaded file really is, and what is made of it: told from its bytes and not from its names.

The bytes are looked into in a process of their own, `storage.decoder`; nothing here loads libvips.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

from models.refusal import Unavailable
from storage.decoder.kinds import HEAD, NotAPicture, sniff
from storage.picture.answer import ANSWER, Developed, Made, Names, understood
from storage.picture.zygote import Ended, Request, Zygote

__all__ = ["HEAD", "Developed", "Made", "NotAPicture", "Pictures", "sniff"]

#: How many bytes of address space a process may have.
MEMORY = 1 << 30
#: How many seconds of CPU; a large one has more, and the costliest that fits into MEMORY takes 3.
CPU_SECONDS = 5
LARGE_CPU_SECONDS = 15
#: How many bytes more than the upload each file made may have: a copy as JPEG may be longer.
FILE = 64 << 20
#: How many seconds by the clock, on a machine that is busy with other things.
PATIENCE = 60
#: How many may wait for their turn, and for how many seconds.
WAITING = 1000
TURN = 300


class Pictures:
    """Decoders are where the holes are, so one process reads one picture and ends.

    It is forked from a zygote, which costs milliseconds; for that, no picture can reach another's process, and none can
    outlast its limits. The zygote is started with the first picture, and again should it die.
    """

    def __init__(
        self, at_once: int = 1, *, cpu_seconds: int = CPU_SECONDS, large_cpu_seconds: int = LARGE_CPU_SECONDS
    ) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._large_turns = asyncio.Semaphore(1)
        self._waiting = 0
        self._cpu_seconds = cpu_seconds
        self._large_cpu_seconds = large_cpu_seconds
        self._zygote = Zygote()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Starts the zygote, so that it has loaded its decoders by the time of the first picture."""
        await self._zygote.start()

    async def close(self) -> None:
        """Ends the zygote, and with it what it still looks at."""
        await self._zygote.close()

    async def develop(self, path: Path, declared_type: str, folder: Path) -> Developed:
        """Makes its sizes and a copy without metadata, in a folder of the caller's.

        Raises NotAPicture, and Unavailable when the machine is at fault; what is in the folder then is worth nothing.
        """
        async with self._turn(self._turns):
            developed = await self._attempt(path, declared_type, folder, large=False)
        if developed is None:
            # Its header was read and no more; the small ones go on while it waits.
            async with self._turn(self._large_turns), self._turn(self._turns):
                developed = await self._attempt(path, declared_type, folder, large=True)
        assert developed is not None, "who may be large is developed"
        return developed

    @asynccontextmanager
    async def _turn(self, turns: asyncio.Semaphore) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise Unavailable
        self._waiting += 1
        try:
            async with asyncio.timeout(TURN):
                await turns.acquire()
        except TimeoutError:
            raise Unavailable from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            turns.release()

    async def _attempt(self, path: Path, declared_type: str, folder: Path, *, large: bool) -> Developed | None:
        """None for one that is large, unless it may be."""
        names = Names(folder / "thumbnail", folder / "preview", folder / "stripped")
        seconds = self._large_cpu_seconds if large else self._cpu_seconds
        with ExitStack() as stack:
            source = stack.enter_context(path.open("rb"))
            request = Request(declared_type, MEMORY, seconds, os.fstat(source.fileno()).st_size + FILE, large)
            made = [stack.enter_context(name.open("wb")) for name in names]
            answer = stack.enter_context(TemporaryFile(prefix="leporello-"))
            try:
                async with asyncio.timeout(PATIENCE):
                    ended: Ended = await self._zygote.run(request, [source, *made, answer])
            except TimeoutError:
                raise Unavailable from None
            answer.seek(0)
            return understood(ended.code, answer.read(ANSWER + 1), declared_type, names)
