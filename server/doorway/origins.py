"""Which other sites' pages may talk with this program (CORS).

Ours rather than Starlette's middleware: that one answers a stranger's origin with `allow-credentials`, and
wraps every answer a second time.
"""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

Headers = list[tuple[bytes, bytes]]

METHODS: Final = (b"GET", b"POST")
REQUEST_HEADERS: Final = frozenset(
    {"accept", "accept-language", "content-language", "authorization", "content-type", "x-leporello-session"}
)
ANSWER_HEADERS: Final = b"x-request-id, retry-after"
#: Seconds that a browser may remember a preflight; Chromium remembers none for longer.
MAX_AGE: Final = 7_200


class Origins:
    """`allowed` names each origin exactly; they may send cookies, so there is no wildcard."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        for origin in allowed:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or "*" in origin or "@" in origin:
                raise ValueError(f"An allowed origin is named exactly, as https://books.example: {origin!r}.")
            if origin.lower() != f"{parts.scheme}://{parts.netloc}".lower():
                raise ValueError(f"An allowed origin has no path: {origin!r}.")
        self._allowed = frozenset(origin.lower().encode() for origin in allowed)
        #: On every answer, so that no cache gives one site's answer to another.
        self.vary: Headers = [(b"vary", b"Origin")] if self._allowed else []
        self._answers = {
            origin: [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
                (b"access-control-expose-headers", ANSWER_HEADERS),
            ]
            for origin in self._allowed
        }

    def headers(self, origin: bytes | None) -> Headers:
        """What an answer to a page of that origin carries."""
        return self.vary + self._answers.get(origin, []) if origin is not None else self.vary

    def preflight(self, origin: bytes, method: bytes, wanted: bytes) -> tuple[int, Headers]:
        """The status and headers that answer a browser's question whether its page may ask."""
        vary = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        names = {name.strip().lower() for name in wanted.decode("latin-1").split(",") if name.strip()}
        if origin not in self._allowed or method not in METHODS or not names <= REQUEST_HEADERS:
            return 403, [(b"vary", vary)]
        return 204, [
            (b"vary", vary),
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-allow-methods", b", ".join(METHODS)),
            (b"access-control-allow-headers", ", ".join(sorted(REQUEST_HEADERS)).encode()),
            (b"access-control-max-age", str(MAX_AGE).encode()),
        ]
