"""The core that everything but the server shares, and how many sockets this machine lets us open."""

import os
import resource
import time
from pathlib import Path

from bench.machine import LOAD_CORE


class LoadCore:
    """How busy it is, from when this is made: where it has nothing left, a figure is a lower bound."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._idle = _idle_seconds()

    def busy(self) -> float:
        """The part of the time since then."""
        return 1 - min((_idle_seconds() - self._idle) / (time.monotonic() - self._began), 1)


def _idle_seconds() -> float:
    # Idle, and waiting for disks (proc_stat(5)).
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    return next(sum(map(int, line[4:6])) for line in lines if line[0] == f"cpu{LOAD_CORE}") / os.sysconf("SC_CLK_TCK")


def allow_files() -> None:
    """As many as this machine lets this process open, and what it starts."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
