"""Runs the kept script, explore.mjs, in a fresh Chromium."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.node import cannot, node

HERE = Path(__file__).parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_LIMIT = 200.0


async def explore(profile: Path, **story: str) -> dict[str, Any]:
    """What the script saw. `story` is what it takes: base, email, password, perhaps picture."""
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        cannot("There is no Chromium: apt-get install chromium.")
    told = {"chromium": chromium, "profile": str(profile), **story}
    seen: dict[str, Any] = json.loads(await node(HERE, "explore.mjs", json.dumps(told), limit=BROWSER_LIMIT))
    return seen
