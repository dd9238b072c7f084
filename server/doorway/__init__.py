"""What every request passes on its way in, and every answer on its way out."""

import os
import re
from collections.abc import Collection, Iterator
from typing import Final

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from server.doorway.answer import Answer
from server.doorway.hosts import Hosts
from server.doorway.origins import Headers, Origins
from server.doorway.peers import Network, Peers

#: Asked by machines that know us by an address only; nothing there is made from the Host header.
ANY_HOST: Final = frozenset({"/health/live", "/health/ready", "/metrics"})
#: Answers that nobody may keep, unless they say otherwise themselves.
UNCACHED: Final = frozenset({"/graphql"})
# Not for subdomains: who hosts this at home may have others there that speak plain HTTP.
HSTS: Final = b"max-age=63072000"
_NEEDED: Final = frozenset(
    {
        b"host",
        b"origin",
        b"x-request-id",
        b"x-forwarded-for",
        b"access-control-request-method",
        b"access-control-request-headers",
    }
)
_STANDARD: Final[Headers] = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


def _ids() -> Iterator[str]:
    """Random ids of 16 bytes in hex; the system is asked once for many, since asking takes longer than the rest."""
    while True:
        some = os.urandom(4_096)
        for start in range(0, len(some), 16):
            yield some[start : start + 16].hex()


_fresh_ids: Final = _ids()
_request_id = re.compile(rb"[A-Za-z0-9-]{8,64}")

log = structlog.get_logger()


class Doorway:
    """The outermost ASGI app: it names the request and its peer, and refuses hosts that are not ours.

    It stands outside of Starlette, so that the answer to a crash passes through it too. Uvicorn's own reading
    of proxy headers has to be off: it believes whoever comes from loopback.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        public_url: str,
        allowed_hosts: Collection[str] = (),
        allowed_origins: Collection[str] = (),
        trusted_proxies: Collection[Network] = (),
        development: bool = False,
    ) -> None:
        self._app = app
        self._hosts = Hosts(public_url, allowed_hosts, development=development)
        self._origins = Origins(allowed_origins)
        self._peers = Peers(trusted_proxies)
        secure = [(b"strict-transport-security", HSTS)] if public_url.lower().startswith("https://") else []
        self._standard = [*_STANDARD, *secure]
        self._uncached = [*self._standard, (b"cache-control", b"no-store")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given: dict[bytes, bytes] = {}
        forwarded: list[bytes] = []
        hosts = 0
        for name, value in scope["headers"]:
            if name in _NEEDED:
                given[name] = value
                if name == b"x-forwarded-for":
                    forwarded.append(value)
                elif name == b"host":
                    hosts += 1
        request_id = self._admit(scope, given.get(b"x-request-id"), forwarded)
        tokens = bind_contextvars(request_id=request_id)
        answer = Answer(send, self._headers(scope, given, request_id))
        try:
            if hosts != 1 or not self._may_ask(given[b"host"], scope["path"]):
                await answer.refuse(scope, 400, b"This is not a host of ours.")
            elif not await self._preflight(scope, given, answer):
                await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("unexpected", path=scope["path"])
            await answer.fail(scope)
        finally:
            reset_contextvars(**tokens)

    def _admit(self, scope: Scope, offered: bytes | None, forwarded: list[bytes]) -> str:
        """Writes down who really asks, and gives the request its id."""
        request_id = ""
        peer = scope.get("client")
        if (forwarded or offered) and peer and self._peers.trusts(peer[0]):
            if forwarded and (address := self._peers.origin(peer[0], forwarded)) != peer[0]:
                scope["client"] = (address, 0)
            if offered and _request_id.fullmatch(offered):
                request_id = offered.decode()
        request_id = request_id or next(_fresh_ids)
        scope.setdefault("state", {})["request_id"] = request_id
        return request_id

    def _may_ask(self, host: bytes, path: str) -> bool:
        return self._hosts.knows(host) or (path in ANY_HOST and Hosts.name(host) is not None)

    def _headers(self, scope: Scope, given: dict[bytes, bytes], request_id: str) -> tuple[Headers, Headers]:
        """What every answer has, and what it has unless it says otherwise itself."""
        always = [(b"x-request-id", request_id.encode())]
        if scope["type"] == "websocket":
            return always, self._standard
        always += self._origins.headers(given.get(b"origin"))
        return always, self._uncached if scope["path"] in UNCACHED else self._standard

    async def _preflight(self, scope: Scope, given: dict[bytes, bytes], answer: Answer) -> bool:
        method = given.get(b"access-control-request-method")
        if scope.get("method") != "OPTIONS" or method is None or b"origin" not in given:
            return False
        wanted = given.get(b"access-control-request-headers", b"")
        status, headers = self._origins.preflight(given[b"origin"], method, wanted)
        answer.always = [*answer.always[:1], *headers]
        await answer.whole(status, b"")
        return True
