"""Runs the kept script, explore.mjs, in a fresh Chromium."""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

HERE = Path(__file__).parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")

INSTALL_LIMIT = 60.0
BROWSER_LIMIT = 200.0
COMPLAINT_LIMIT = 500


async def explore(profile: Path, **story: str) -> dict[str, Any]:
    """What the script saw. `story` is what it takes: base, email, password, perhaps picture."""
    told = {"chromium": await a_browser(), "profile": str(profile), **story}
    code, output, complaints = await run("node", "explore.mjs", json.dumps(told), limit=BROWSER_LIMIT)
    assert code == 0, complaints
    seen: dict[str, Any] = json.loads(output)
    return seen


async def a_browser() -> str:
    """The path of a Chromium that can be driven; skips the test where there is none."""
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        cannot("There is no Chromium: apt-get install chromium.")
    if shutil.which("node") is None or shutil.which("npm") is None:
        cannot("There is no Node to drive Chromium with.")
    if not (HERE / "node_modules/playwright-core").exists():
        code, _, complaints = await run("npm", "ci", limit=INSTALL_LIMIT)
        if code != 0:
            cannot(f"playwright-core cannot be installed: {complaints[-COMPLAINT_LIMIT:]}")
    return chromium


def cannot(reason: str) -> NoReturn:
    """Without a browser there is nothing to see; in CI there has to be one."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


async def run(*command: str, limit: float) -> tuple[int, str, str]:
    running = await asyncio.create_subprocess_exec(
        *command, cwd=HERE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        output, complaints = await asyncio.wait_for(running.communicate(), limit)
    except TimeoutError:
        running.kill()
        await running.wait()
        return 124, "", f"{command[0]} took more than {limit:.0f} s"
    return running.returncode or 0, output.decode(), complaints.decode()
