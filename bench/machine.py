"""The machine that is measured on: its cores, and what it is."""

import os
import platform
from pathlib import Path
from typing import Final

_CORES: Final = sorted(os.sched_getaffinity(0))
#: The server under test has the one to itself; Postgres, Valkey, the load and we share the other.
SERVER_CORE: Final = _CORES[0]
LOAD_CORE: Final = _CORES[-1]


class Unfit(Exception):
    """Nothing can be measured here; the message says what is missing."""


def stay_on_load_core() -> None:
    """Pins this process, and whatever it starts from now on. Raises Unfit where there is only one core."""
    if SERVER_CORE == LOAD_CORE:
        raise Unfit("The server needs a core to itself: two are needed, and here is one.")
    os.sched_setaffinity(0, {LOAD_CORE})


def busy_seconds() -> float:
    """The time that the two cores have worked for whomever, in user and in system mode (proc_stat(5))."""
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    ours = {f"cpu{SERVER_CORE}", f"cpu{LOAD_CORE}"}
    return sum(sum(map(int, line[1:4])) for line in lines if line[0] in ours) / os.sysconf("SC_CLK_TCK")


def description() -> str:
    """Its cores, processor and memory, in one line."""
    return f"{os.cpu_count()} cores, {_first('/proc/cpuinfo', 'model name')}, {_memory()} GB, {platform.release()}"


def _memory() -> int:
    return round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / 2**20)


def _first(file: str, name: str) -> str:
    lines = Path(file).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")
