"""What the bench needs and git does not hold: the peers' packages, from npm, and wrk."""

import asyncio
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from bench import load
from bench.machine import Unfit
from bench.servers.peers import FOLDER, bun, node
from server.embedded import wheels

_LOCK: Final = FOLDER / "package-lock.json"
_VERSION: Final = re.compile(r"\d+(\.\d+)+")
_INSTALLED: Final = FOLDER / "node_modules" / ".package-lock.json"


async def install(*, peers: bool) -> None:
    """Raises Unfit where something cannot be had."""
    await load.provide()
    if not peers or (_INSTALLED.exists() and _INSTALLED.stat().st_mtime >= _LOCK.stat().st_mtime):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Unfit("npm is missing: the peers come from it. ARGS='--servers leporello' does without them.")
    installing = await asyncio.create_subprocess_exec(npm, "ci", "--loglevel=error", cwd=FOLDER)
    if await installing.wait() != 0:
        raise Unfit("npm ci failed in bench/peers.")
    _INSTALLED.touch()


async def versions() -> dict[str, str]:
    """Of the programs that run, as they say themselves."""
    programs = {
        "PostgreSQL": wheels.postgres("postgres"),
        "Valkey": wheels.valkey(),
        "Python": Path(sys.executable),
        "Node": node(),
        "Bun": bun(),
    }
    return {name: await _said(program) for name, program in programs.items() if program.exists()}


async def _said(program: Path) -> str:
    asked = await asyncio.create_subprocess_exec(program, "--version", stdout=asyncio.subprocess.PIPE)
    found = _VERSION.search((await asked.communicate())[0].decode())
    return found[0] if found else "unknown"
