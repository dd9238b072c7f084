"""Serves the explorer as clients/explorer built it: a page under a strict policy, files that never change."""

import gzip
import re
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server.explorer.examples import examples_json

STATIC = Path(__file__).parent / "static"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".woff": "font/woff",
}

# The built files carry a hash of their contents in their names.
FOR_EVER = "public, max-age=31536000, immutable"

# What a Host header may look like before it is repeated in a policy.
HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


class Explorer:
    """`page` answers a browser at the API's address; `routes` serve what the page loads, under `/explorer`.

    `image_origins` are where images may come from besides this origin: that of the bucket.
    """

    def __init__(self, *, image_origins: Sequence[str] = ()) -> None:
        self._image_origins = tuple(image_origins)
        self._page = (STATIC / "page.html").read_bytes()
        self._examples = examples_json()
        self._files = {path.name.removesuffix(".gz"): path.read_bytes() for path in STATIC.glob("*.gz")}
        self.routes = [
            Route("/explorer/examples.json", self._show_examples),
            Route("/explorer/{name}", self._show_file),
        ]

    def page(self, request: Request) -> Response:
        headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": self._policy(request),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            # The same address answers programs with JSON.
            "Vary": "Accept",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        return Response(self._page, headers=headers, media_type="text/html")

    async def _show_examples(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(self._examples, headers=headers, media_type="application/json")

    async def _show_file(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        if name not in self._files:
            return PlainTextResponse("Not found", 404, {"X-Content-Type-Options": "nosniff"})
        body, headers = (
            self._files[name],
            {
                "Cache-Control": FOR_EVER,
                "Content-Type": TYPES[Path(name).suffix],
                # The policy that a worker lives under is that of its own file: it reaches nothing.
                "Content-Security-Policy": "default-src 'none'",
                "Vary": "Accept-Encoding",
                "X-Content-Type-Options": "nosniff",
            },
        )
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(body, headers=headers | {"Content-Encoding": "gzip"})
        return Response(gzip.decompress(body), headers=headers)

    def _policy(self, request: Request) -> str:
        host = request.headers.get("host", "")
        protocol = "wss" if request.url.scheme == "https" else "ws"
        # Older browsers do not count a websocket of the same host as 'self'.
        socket = [f"{protocol}://{host}"] if HOST.fullmatch(host) else []
        return "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                # Monaco, the editor, writes its colours and measures as styles.
                "style-src 'self' 'unsafe-inline'",
                "font-src 'self'",
                "worker-src 'self'",
                " ".join(("connect-src 'self'", *socket)),
                " ".join(("img-src 'self' data: blob:", *self._image_origins)),
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )
