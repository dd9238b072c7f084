"""The direct way for what is asked all the time: a POST of a document that we know.

It makes no Request and no Response, and leaves whatever is out of the ordinary to those who do.
"""

from functools import lru_cache
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from models.refusal import Refusal
from server.graphql.asked import Asked, decode
from server.graphql.cookies import HEADER
from server.graphql.documents import Rejected
from server.graphql.entrance import Entrance, bearer, id_of_scope
from server.graphql.http import respond, unless_left
from server.graphql.negotiation import GRAPHQL, JSON, negotiate
from server.graphql.operating import Means, Operating

#: Accept headers whose meaning is remembered.
ACCEPTS: Final = 256
_CONTENT_TYPES: Final = {media: f"{media}; charset=utf-8".encode() for media in (GRAPHQL, JSON)}
_TYPES: Final = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})


class Direct:
    """Answers what it can, with the same means as everybody."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answers; or gives back how to receive the request, with what was read of it already."""
        headers = dict(scope["headers"])
        media = _media(headers.get(b"accept", b""))
        if (
            media is None
            or headers.get(b"content-type") not in _TYPES
            or b"content-encoding" in headers
            or HEADER in headers
            or len(headers) != len(scope["headers"])
        ):
            return receive
        message = await receive()
        operation = self._operation(scope, headers, message)
        if operation is None:
            return _again(message, receive)
        try:
            answer = await unless_left(operation, receive)
        except ClientDisconnect:
            return None
        if answer.refused:
            await respond(answer, media)(scope, receive, send)
            return None
        start = [(b"content-length", b"%d" % len(answer.text)), (b"content-type", _CONTENT_TYPES[media])]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        await send({"type": "http.response.body", "body": answer.text})
        return None

    def _operation(self, scope: Scope, headers: dict[bytes, bytes], message: Message) -> Operating | None:
        """The operation of a request that is whole and good, and whose document is known."""
        limits, documents = self._means.limits, self._means.documents
        body = message.get("body", b"")
        if message["type"] != "http.request" or message.get("more_body") or len(body) > limits.body_bytes:
            return None
        try:
            asked = Asked.of(decode(body, limits)).within(limits, body)
            if not documents.knows(asked):
                return None
            if documents.of(asked).operation(asked.operation_name).kind == "subscription":
                return None
            return Operating(self._means, asked, _entrance(scope, headers), "http")
        except (Refusal, Rejected):
            return None


def _entrance(scope: Scope, headers: dict[bytes, bytes]) -> Entrance:
    authorization, agent = headers.get(b"authorization"), headers.get(b"user-agent")
    client = scope.get("client")
    return Entrance(
        token=bearer(authorization.decode("latin-1")) if authorization else None,
        request_id=id_of_scope(scope),
        ip_address=client[0] if client else None,
        user_agent=agent.decode("latin-1") if agent else None,
    )


def _again(message: Message, receive: Receive) -> Receive:
    """Receives the message once more, and then what follows it."""
    waiting = [message]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


@lru_cache(maxsize=ACCEPTS)
def _media(accept: bytes) -> str | None:
    return negotiate(accept.decode("latin-1"))
