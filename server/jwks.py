"""The public keys of access tokens, for other programs that are to know our users."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resolvers.keyring import Keyring
from resolvers.token import SigningKeys

#: Those of a new secret may come as late as this, in seconds: shorter than a token lives.
_KEPT: Final = 300


def published(keyring: Keyring) -> Route:
    keys = SigningKeys(keyring).published()

    async def show(request: Request) -> Response:
        return JSONResponse(keys, headers={"cache-control": f"public, max-age={_KEPT}"})

    return Route("/.well-known/jwks.json", show)
