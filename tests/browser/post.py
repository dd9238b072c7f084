"""Runs the kept scripts about mail, mail.mjs and place.mjs, in a fresh Chromium."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.browser.driver import CHROMIUMS, HERE
from tests.node import cannot, node

BROWSER_LIMIT = 60.0


async def look_at_mail(profile: Path, **story: str) -> dict[str, Any]:
    """What mail.mjs saw. `story` is what it takes: base, perhaps picture."""
    return await _seen("mail.mjs", profile, story)


async def open_link(profile: Path, **story: str) -> dict[str, Any]:
    """What place.mjs saw. `story` is what it takes: base, mail."""
    return await _seen("place.mjs", profile, story)


async def _seen(script: str, profile: Path, story: dict[str, str]) -> dict[str, Any]:
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        cannot("There is no Chromium: apt-get install chromium.")
    told = {"chromium": chromium, "profile": str(profile), **story}
    seen: dict[str, Any] = json.loads(await node(HERE, script, json.dumps(told), limit=BROWSER_LIMIT))
    return seen
