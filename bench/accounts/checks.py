"""What it costs to know who asks: in a tight loop, revocation looked up each time."""

from typing import Final

from bench.loops import NEW_TOKEN, loops
from bench.report import Answer

_HEADS: Final = ("check of a request", "us", "at most", "")
_MOST: Final = 60.0


def checks() -> Answer:
    names = {
        "authentication": "token seen before, HS256",
        "authentication, EdDSA": "token seen before, EdDSA",
        NEW_TOKEN: "token not seen before, HS256",
        f"{NEW_TOKEN}, EdDSA": "token not seen before, EdDSA",
    }
    found = loops()
    rows = []
    for name, shown in names.items():
        # A token comes for the first time once in its 15 minutes.
        limit = None if NEW_TOKEN in name else _MOST
        missed = limit is not None and found[name] > limit
        rows.append([shown, f"{found[name]:.1f}", f"{limit:.0f}" if limit else "", "missed" if missed else ""])
    return Answer("The check of a request", _HEADS, rows)
