"""The README's story, pasted into a shell as a newcomer would."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from server.settings import Settings
from server.worker import working

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
#: What the last of the six requests has the follower's terminal show.
PLACED = "CanvasChanged"


async def test_the_story_can_be_pasted(serving: str, settings: Settings, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    story = "\n".join(re.findall(r"```sh\n(.*?)```", readme, re.DOTALL))
    assert story.count("ask '") >= 8
    story = story.replace("127.0.0.1:8000", urlsplit(serving).netloc)
    story = story.replace(".venv/bin/python", sys.executable).replace("tests/photos", str(ROOT / "tests/photos"))
    (tmp_path / ".leporello").mkdir()
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-e", "-c", f"{story}\nwait"), cwd=tmp_path, stdout=PIPE, stderr=STDOUT, start_new_session=True
    )
    try:
        async with working(settings), asyncio.timeout(PATIENCE):
            said = await _said_until(shell, PLACED)
    finally:
        await _end(shell)
    told = re.findall(r'"__typename":"(\w+)","seq":(\d+)', said)
    assert [int(seq) for _, seq in told] == list(range(1, len(told) + 1))
    assert told[0][0] == "MembersChanged" and told[-1][0] == PLACED
    assert '"status":"READY","width":1800,"height":1200' in said
    assert '"userErrors":[{' not in said and '"errors"' not in said


async def _said_until(shell: Process, word: str) -> str:
    assert shell.stdout is not None
    said = ""
    while word not in said:
        line = await shell.stdout.readline()
        assert line, f"it ended: {said}"
        said += line.decode()
    return said


async def _end(shell: Process) -> None:
    """With all that it has started: they are a group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    await shell.communicate()
