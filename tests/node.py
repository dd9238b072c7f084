"""Running the clients that others wrote for Node: installed from npm when they are first asked for."""

import asyncio
import fcntl
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

#: Seconds that an installation may take.
INSTALL_LIMIT = 120.0
_TOLD = 500


async def node(folder: Path, *words: str, limit: float = 60.0) -> str:
    """What the script said; `words` are its name and arguments. Skips the test where there is no Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        cannot("There is no Node.")
    # Two that run side by side install once.
    with (folder / ".lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        installed = folder / "node_modules/.package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
            code, _, complaints = await _run(folder, "npm", "ci", limit=INSTALL_LIMIT)
            if code != 0:
                cannot(f"npm ci failed: {complaints[-_TOLD:]}")
            installed.touch()
    code, output, complaints = await _run(folder, "node", *words, limit=limit)
    assert code == 0, complaints
    return output


def cannot(reason: str) -> NoReturn:
    """A machine may lack what a test needs, and the test is skipped; CI may not."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


async def _run(folder: Path, *command: str, limit: float) -> tuple[int, str, str]:
    running = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(limit):
            output, complaints = await running.communicate()
    except TimeoutError:
        running.kill()
        await running.wait()
        return 124, "", f"{command[0]} took more than {limit:.0f} s"
    return running.returncode or 0, output.decode(), complaints.decode()
