"""The program with one part taken out: `python -m bench.without authentication`. For measuring, and nothing else.

What is put in its place counts how often it was asked: a part that has moved elsewhere is noticed, since the program
then ends with an error, and is not reported as one that costs nothing.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

import orjson

from bench import seed
from resolvers.token import AccessTokens, Claims
from server.cli import cli
from server.graphql import direct
from server.graphql.asked import Asked
from server.graphql.cost import Cost
from server.observe.observer import Observer
from storage.revocations import Revocations

_CLAIMS: Final = Claims(seed.VIEWER, seed.SESSION, datetime.now(UTC) + timedelta(hours=1))

Patch = tuple[Any, str, Callable[..., Any]]
_AUTHENTICATION: Final[list[Patch]] = [
    (AccessTokens, "verify", lambda self, token: _CLAIMS),
    (Revocations, "covers", lambda self, session_id: False),
]
#: Of the body, of the variables, of the cost. Those of a document are looked at once, when it comes first.
_LIMITS: Final[list[Patch]] = [
    (direct, "decode", lambda body, limits: orjson.loads(body)),
    (Asked, "within", lambda self, limits, source=None: self),
    (Cost, "of", lambda self, variables: 0),
]
_LOGGING: Final[list[Patch]] = [(Observer, "__call__", lambda self, operation: None)]
ALL: Final = "all three"
#: By part: what is replaced, and with what.
PARTS: Final = {
    "authentication": _AUTHENTICATION,
    "limits": _LIMITS,
    "logging": _LOGGING,
    ALL: [*_AUTHENTICATION, *_LIMITS, *_LOGGING],
}


def main(part: str) -> None:
    called: dict[str, int] = {}

    def counting(name: str, instead: Callable[..., Any]) -> Callable[..., Any]:
        called[name] = 0

        def replaced(*given: Any) -> Any:
            called[name] += 1
            return instead(*given)

        return replaced

    for owner, name, instead in PARTS[part]:
        patch.object(owner, name, counting(name, instead)).start()
    cli(["serve"], standalone_mode=False)
    if not all(called.values()):
        sys.exit(f"Never asked: {', '.join(name for name, count in called.items() if not count)}.")


if __name__ == "__main__":
    main(sys.argv[1])
