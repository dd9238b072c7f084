"""Programs that we start, measure, and end: each by its id, and with all that it started."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from bench.machine import Unfit

READY_LIMIT: Final = 60.0
"""Seconds from the start of a server until it listens."""
STOP_LIMIT: Final = 15.0
"""Seconds from asking it to end to ending it."""
_ASK_EVERY: Final = 0.05
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PARENT: Final = 1
#: utime, stime, cutime, cstime of proc_pid_stat(5), counted from the state on.
_TIMES: Final = slice(11, 15)


@asynccontextmanager
async def running(
    command: Sequence[str], environment: Mapping[str, str], *, core: int, log: Path, folder: Path
) -> AsyncIterator[Process]:
    """A program on a core of its own, while it is entered."""
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            # Told to end when we are killed, too.
            *("setpriv", "--pdeathsig", "TERM", "taskset", "-c", str(core), *command),
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
            cwd=folder,
            stdin=DEVNULL,
            stdout=file,
            stderr=STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_LIMIT)
            except TimeoutError:
                process.kill()
                await process.wait()


async def until_it_listens(process: Process, port: int, log: Path) -> None:
    """Raises Unfit, with its last words, when it ends or does not listen within the limit."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_LIMIT):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    # Nothing tells us that somebody else's program listens.
                    await asyncio.sleep(_ASK_EVERY)
                else:
                    writer.close()
                    return
    raise Unfit(f"{log.stem} does not serve: {_read(str(log))[-2_000:]}")


def cpu_seconds(pid: int) -> float:
    """The time that a process has used, with its threads and with its children, those that have ended too."""
    return sum(sum(map(int, _stat(one)[_TIMES])) for one in _family(pid)) / _TICKS


def resident_bytes(pid: int) -> int:
    """The memory that a process and its children hold."""
    return sum(int((_read(f"/proc/{one}/statm").split() or ["0", "0"])[1]) for one in _family(pid)) * _PAGE


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            children.setdefault(int(_stat(int(entry.name))[_PARENT]), []).append(int(entry.name))
    family = [pid]
    for one in family:
        family += children.get(one, [])
    return family


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may hold spaces; zeros for a process that has gone meanwhile."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split() or ["0"] * 20


def _read(file: str) -> str:
    try:
        return Path(file).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
