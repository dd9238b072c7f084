"""Who is shown the pages of development: whoever sits at this machine, and calls it so."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.doorway.hosts import LOOPBACK, Hosts

Page = Callable[[Request], Awaitable[Response]]


def guarded(page: Page) -> Page:
    """A name that leads here from elsewhere is not ours."""

    async def answer(request: Request) -> Response:
        name = Hosts.name(request.headers.get("host", "").encode("latin-1"))
        if name not in LOOPBACK or request.client is None or not _is_loopback(request.client.host):
            raise HTTPException(404)
        # A proxy on this machine asks for somebody elsewhere.
        if any(header == "forwarded" or header.startswith("x-forwarded-") for header in request.headers):
            raise HTTPException(404)
        return await page(request)

    return answer


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
