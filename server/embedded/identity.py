"""Telling a process that a crash has left from another that was given its number later."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

PS_LIMIT = 5.0
"""Seconds that `ps` may take."""
LOOK_EVERY = 0.02
"""Seconds between two looks at a process that is not our child: nobody tells us of its end."""


def identity(pid: int) -> str | None:
    """What no other process has had: its number and the moment of its birth; None when it has ended."""
    if sys.platform == "linux":
        return _linux(pid)
    state, _, born = _ps(pid, "stat=,lstart=").partition(" ")
    return f"{pid} {born.strip()}" if born and not state.startswith("Z") else None


def command_line(pid: int) -> str:
    """The program and its arguments; empty when it has ended."""
    if sys.platform != "linux":
        return _ps(pid, "command=")
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _ps(pid: int, wanted: str) -> str:
    asked = ["/bin/ps", "-o", wanted, "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, timeout=PS_LIMIT, check=False).stdout.strip()


def _linux(pid: int) -> str | None:
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name, in brackets, and may hold spaces and brackets itself.
    fields = line.rpartition(")")[2].split()
    state, born = fields[0], fields[19]
    if state in "ZX":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{pid} {born} {boot}"


async def end(known: str, asking: signal.Signals, limit: float) -> None:
    """Ends the process that `known` identifies, and no other: asks it, and after `limit` seconds kills it."""
    pid = int(known.split()[0])
    loop = asyncio.get_running_loop()
    for number in (asking, signal.SIGKILL):
        deadline = loop.time() + limit
        if identity(pid) == known:
            os.kill(pid, number)
        while identity(pid) == known and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY)
