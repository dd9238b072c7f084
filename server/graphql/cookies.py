"""The refresh token in a browser's cookie: read from requests that no other site can make, and put into answers."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from models.refusal import Forbidden
from resolvers.cookie import RefreshCookie
from server.graphql.asked import Malformed

#: No form can send it, and a page of another origin only after a preflight. Its only value is `cookie`.
HEADER: Final = b"x-leporello-session"
_VALUE: Final = "cookie"


class Cookies:
    """`public_url` is where clients reach us; pages of the `allowed` origins may use the cookie as our own do."""

    def __init__(self, public_url: str, allowed: Collection[str] = ()) -> None:
        address = urlsplit(public_url)
        self._scheme = address.scheme.lower()
        self._allowed = {origin.lower() for origin in (f"{self._scheme}://{address.netloc}", *allowed)}
        self._is_secure = self._scheme == "https"
        #: Browsers take one of that prefix over TLS only, from this very host, and for no other.
        self.name = "__Host-leporello" if self._is_secure else "leporello"

    def of(self, request: Request) -> RefreshCookie | None:
        """None where it was not asked for. Raises Malformed, and Forbidden for a page of another origin."""
        asked = request.headers.get(HEADER.decode())
        if asked is None or request.method != "POST":
            return None
        if asked != _VALUE:
            raise Malformed(f"X-Leporello-Session is `{_VALUE}`.")
        origin = request.headers.get("origin")
        # The doorway has looked whether the host is one of ours.
        own = f"{self._scheme}://{request.headers.get('host', '')}".lower()
        if origin is not None and origin.lower() not in self._allowed | {own}:
            raise Forbidden("Pages of this origin may not use the session's cookie.")
        return RefreshCookie(request.cookies.get(self.name) or None)

    def put(self, cookie: RefreshCookie, response: Response) -> None:
        """Onto the answer, where something is to change."""
        if cookie.kept is None:
            return
        left = max(0, int((cookie.until - datetime.now(UTC)).total_seconds())) if cookie.until else 0
        # Strict, since it is asked for by scripts of our own pages alone, which no link from elsewhere is.
        response.set_cookie(
            self.name, cookie.kept, max_age=left, path="/", secure=self._is_secure, httponly=True, samesite="strict"
        )
