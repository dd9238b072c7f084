"""What an uploaded file really is: pictures, told from their bytes and not from their names.

The bytes are looked into in a process of their own, `storage.decoder`; nothing here loads libvips.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from models.refusal import Unavailable
from storage.decoder.kinds import HEAD, TOO_DEMANDING, NotAPicture, Picture, sniff

__all__ = ["HEAD", "NotAPicture", "Picture", "Pictures", "sniff"]

#: How many bytes of address space a process may have: 100 megapixels of JPEG or PNG, 60 of WebP or AVIF.
MEMORY = 1 << 30
#: How many seconds of CPU; the costliest picture that fits into MEMORY takes 3.
CPU_SECONDS = 5
#: How many seconds by the clock, on a machine that is busy with other things.
PATIENCE = 60
#: How many may wait for their turn, and for how many seconds.
WAITING = 1000
TURN = 300

#: How many bytes a process may say: a line of JSON, or the end of a traceback.
ANSWER = 1 << 16

#: All of it: ours holds secrets. Of large pictures libvips would make files, were it not told otherwise.
ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parents[1]),
    "MALLOC_ARENA_MAX": "2",
    "VIPS_DISC_THRESHOLD": "4g",
    "VIPS_WARNING": "0",
}


class Pictures:
    """Decoders are where the holes are, so one process reads one picture and ends.

    It costs 70 ms of CPU; for that, no picture can reach another's process, and none can outlast its limits.
    """

    def __init__(self, at_once: int = 1, *, cpu_seconds: int = CPU_SECONDS) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._cpu_seconds = cpu_seconds

    async def inspect(self, path: Path, declared_type: str) -> Picture:
        """The picture in the file; raises NotAPicture, and Unavailable when the machine is at fault."""
        async with self._turn(), self._process(path, declared_type) as process:
            try:
                async with asyncio.timeout(PATIENCE):
                    said = await _listen(process)
                    code = await process.wait()
            except TimeoutError:
                raise Unavailable from None
        return _understand(code, said, declared_type)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise Unavailable
        self._waiting += 1
        try:
            async with asyncio.timeout(TURN):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _process(self, path: Path, declared_type: str) -> AsyncIterator[Process]:
        with path.open("rb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-s", "-m", "storage.decoder"),
                *(declared_type, str(MEMORY), str(self._cpu_seconds)),
                stdin=file,
                stdout=PIPE,
                stderr=STDOUT,
                env=ENVIRONMENT,
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


async def _listen(process: Process) -> bytes:
    assert process.stdout is not None
    said = bytearray()
    while heard := await process.stdout.read(ANSWER):
        said += heard
        if len(said) > ANSWER:
            process.kill()
            raise NotAPicture(TOO_DEMANDING)
    return bytes(said)


def _understand(code: int, said: bytes, declared_type: str) -> Picture:
    """What the process said. Should the bytes have taken it over: two numbers or a sentence, and no more."""
    if code == 0:
        answer = json.loads(said)
        if "reason" in answer:
            raise NotAPicture(str(answer["reason"]))
        return Picture(int(answer["width"]), int(answer["height"]), declared_type, bool(answer["decoded"]))
    # Killed by somebody else, as when the machine is out of memory: the picture may be fine.
    if code == -signal.SIGKILL:
        raise Unavailable
    if code < 0:
        raise NotAPicture(TOO_DEMANDING)
    raise RuntimeError(f"The picture process failed: {said.decode(errors='replace')[-2000:]}")
