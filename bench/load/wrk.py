"""wrk on the core of the load, and what it measured."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import randrange
from typing import Final
from uuid import uuid4

from bench.load.request import Request, lua_of
from bench.machine import Unfit

CONNECTIONS: Final = 32
_SCRIPT: Final = Path(__file__).with_name("wrk.lua")
_STARTS: Final = 90_000
_TIMEOUT: Final = 10
"""Seconds after which a request counts as an error."""
_INSTALL: Final = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "wrk")


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw; times in seconds."""

    requests: int
    seconds: float
    bytes_each: float
    p50: float
    p99: float
    #: Why it does not count; empty when it does.
    fault: str


async def fire(
    url: str, requests: Sequence[Request], must: str, *, seconds: int, folder: Path, check: bool = False
) -> Load:
    """Asks in turn for as long as that; with `check`, reads every answer."""
    file = folder / f"{uuid4().hex}.lua"
    file.write_text(lua_of(requests, must))
    try:
        wrk = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"--timeout={_TIMEOUT}s", f"-s{_SCRIPT}", url),
            *("--", str(file), "check" if check else "time", uuid4().hex[:8], str(randrange(_STARTS))),
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            output, complaint = await wrk.communicate()
        finally:
            if wrk.returncode is None:
                wrk.kill()
    finally:
        file.unlink()
    return _read(output.decode(errors="replace"), complaint.decode(errors="replace"))


def _read(output: str, complaint: str) -> Load:
    lines = [line for line in output.splitlines() if line.startswith("measured ")]
    if not lines:
        raise Unfit(f"wrk did not measure: {output}{complaint}")
    count, duration, size, status, lost, wrong, p50, p99 = map(int, lines[0].split()[1:])
    said = output.partition("\nwrong ")[2].strip()
    faults = ((status, "answers that are not 2xx"), (lost, "lost or late"), (wrong, f"wrong answers: {said}"))
    fault = "; ".join(f"{number} {what}" for number, what in faults if number)
    if not count:
        fault = fault or "no answer at all"
    return Load(count, duration / 1e6, size / max(count, 1), p50 / 1e6, p99 / 1e6, fault)


async def provide() -> None:
    """Installs wrk where it is missing. Raises Unfit where that is not possible."""
    if shutil.which("wrk"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unfit("wrk is missing, and only root can install it here: `apt-get install wrk`.")
    installing = await asyncio.create_subprocess_exec(*_INSTALL)
    if await installing.wait() != 0:
        raise Unfit("wrk is missing, and `apt-get install wrk` failed; `apt-get update` may help.")
