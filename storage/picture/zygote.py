"""The parent's end of the zygote, `storage.decoder`: sends it open files, and hears how a process ended."""

import asyncio
import json
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from pathlib import Path
from struct import Struct
from typing import IO, Any, NamedTuple

from models.refusal import Unavailable

#: As `storage.decoder.__main__` has it, which is not imported: it would bring libvips.
REQUEST = 512
#: How many seconds a process that is killed may take to end, and the zygote after the last.
ENDING = 5
#: How many characters of a declared type are of interest.
_TYPE = 100
#: From how many bytes on memory is mapped by itself, and how many that are free a child keeps.
_MAPPED = 32 << 20
_KEPT = 256 << 20
_ENDED = Struct("3d")

#: All of it: ours holds secrets. Of large pictures libvips would make files, were it not told otherwise.
ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    # A child uses again what it has freed, and takes large pages: fresh ones were a sixth of what a picture costs.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(_MAPPED),
    "MALLOC_TRIM_THRESHOLD_": str(_KEPT),
    "VIPS_DISC_THRESHOLD": "4g",
    "VIPS_WARNING": "0",
}


class Request(NamedTuple):
    """What the process is to expect, and what it may use: see `storage.decoder.child.confine`."""

    type: str
    memory: int
    cpu: int
    file: int
    large: bool


class Ended(NamedTuple):
    """The exit code, or a signal below 0; seconds of CPU; the most that was resident, as the system counts it."""

    code: int
    cpu: float
    peak: float


class Zygote:
    """Starts when it is first needed. It ends with the program at the latest, by which its socket closes."""

    def __init__(self) -> None:
        self._starting = asyncio.Lock()
        self._process: Process | None = None
        self._control: socket.socket | None = None

    async def run(self, request: Request, files: Sequence[IO[Any]]) -> Ended:
        """Forks a process for the files and waits for its end; whoever cancels this ends it. Raises Unavailable."""
        control = await self.start()
        leash, other = socket.socketpair()
        with leash:
            leash.setblocking(False)
            message = json.dumps(request._replace(type=request.type[:_TYPE])._asdict()).encode().ljust(REQUEST)
            with other:
                try:
                    socket.send_fds(control, [message], [*(file.fileno() for file in files), other.fileno()])
                except OSError:
                    raise Unavailable from None
            try:
                said = await asyncio.get_running_loop().sock_recv(leash, _ENDED.size)
            except BaseException:
                await asyncio.shield(self._end(leash))
                raise
        if len(said) < _ENDED.size:
            # The zygote died, by no fault of this picture's: they cannot reach it.
            async with self._starting:
                if self._control is control:
                    await self.close()
            raise Unavailable
        code, cpu, peak = _ENDED.unpack(said)
        return Ended(int(code), cpu, peak)

    async def close(self) -> None:
        """Ends it, once its last process has ended."""
        if self._control:
            self._control.close()
        process, self._control, self._process = self._process, None, None
        if process:
            try:
                async with asyncio.timeout(ENDING):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def start(self) -> socket.socket:
        """Where it hears; it need not have come up to be told something."""
        async with self._starting:
            if self._control and not _is_open(self._control):
                await self.close()
            if self._control is None:
                ours, theirs = socket.socketpair()
                with theirs:
                    self._process = await asyncio.create_subprocess_exec(
                        *(sys.executable, "-P", "-s", "-m", "storage.decoder"),
                        stdin=theirs.fileno(),
                        stdout=DEVNULL,
                        env=ENVIRONMENT,
                    )
                ours.setblocking(False)
                self._control = ours
            return self._control

    async def _end(self, leash: socket.socket) -> None:
        """The turn is given on only when the process has gone."""
        leash.shutdown(socket.SHUT_WR)
        try:
            async with asyncio.timeout(ENDING):
                await asyncio.get_running_loop().sock_recv(leash, _ENDED.size)
        except TimeoutError:
            return


def _is_open(control: socket.socket) -> bool:
    """The zygote says nothing here; it can only be gone."""
    try:
        return bool(control.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
