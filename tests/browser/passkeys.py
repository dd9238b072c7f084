"""Runs the kept script, passkeys.mjs, in a fresh Chromium."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.browser.driver import CHROMIUMS, HERE
from tests.node import cannot, node

BROWSER_LIMIT = 60.0


async def use_passkeys(profile: Path, **story: str) -> dict[str, Any]:
    """What came of it. `story` is what the script takes: base, token, email."""
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        cannot("There is no Chromium: apt-get install chromium.")
    told = {"chromium": chromium, "profile": str(profile), **story}
    seen: dict[str, Any] = json.loads(await node(HERE, "passkeys.mjs", json.dumps(told), limit=BROWSER_LIMIT))
    return seen
