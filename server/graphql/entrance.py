"""Who comes in, and from where: all that the context of an operation is made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.requests import HTTPConnection
from starlette.types import Scope

from resolvers.context import Context
from resolvers.cookie import RefreshCookie
from server.graphql.asked import Malformed

if TYPE_CHECKING:
    from server.graphql.socket import Socket


@dataclass(frozen=True, slots=True)
class Entrance:
    """One operation at the door. The token is as the client sent it: unverified."""

    token: str | None
    request_id: str
    ip_address: str | None
    user_agent: str | None
    socket: Socket | None = None
    #: Of a browser that asked for it.
    cookie: RefreshCookie | None = None

    @classmethod
    def of(cls, connection: HTTPConnection) -> Entrance:
        return cls(
            token=bearer(connection.headers.get("authorization")),
            request_id=request_id_of(connection),
            ip_address=connection.client.host if connection.client else None,
            user_agent=connection.headers.get("user-agent"),
        )


#: Makes the context of an operation; a bad token is a refusal that the fields may raise.
Enter = Callable[[Entrance], Awaitable[Context]]


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header; None for other schemes (RFC 6750, section 2.1)."""
    scheme, _, token = (header or "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def token_of(payload: Mapping[str, object] | None) -> str | None:
    """The token in the payload of a connection_init, with or without its scheme; raises Malformed."""
    for name, value in (payload or {}).items():
        if name.lower() == "authorization" and value is not None:
            if not isinstance(value, str):
                raise Malformed("`authorization` is a string")
            return bearer(value) or value.strip() or None
    return None


def request_id_of(connection: HTTPConnection) -> str:
    return id_of_scope(connection.scope)


def id_of_scope(scope: Scope) -> str:
    """The request's id, which the doorway gave it."""
    return str(scope.get("state", {}).get("request_id") or uuid4())
