"""What goes back over HTTP: the status, the media type and the bytes of an answer."""

import asyncio
from collections.abc import Coroutine
from math import ceil
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive

from models.refusal import Refusal
from server.graphql.negotiation import GRAPHQL
from server.graphql.operating import Answer, Operating

T = TypeVar("T")

#: Seconds after which we look whether the client of a query is still there.
LOOKED_AFTER: Final = 0.05
#: Of a request that was not executed; all others, and those that are one's own mistake, are a 400.
_STATUS = {
    # Apollo's clients look into the body of no other.
    "PERSISTED_QUERY_NOT_FOUND": 200,
    "PERSISTED_QUERY_NOT_SUPPORTED": 200,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}


def refusal(error: Refusal) -> Answer:
    """The answer to a request that was not even read."""
    errors = [{"message": error.message, "extensions": error.extensions}]
    return Answer.refusing(errors)


async def unless_left(operation: Operating, receive: Receive) -> Answer:
    """The answer; a query whose client leaves is cancelled, and ClientDisconnect raised.

    A mutation goes on: whether it happened must not depend on who still listens.
    """
    if operation.kind != "query":
        return await operation.answer()
    return await while_there(operation.answer(), receive)


async def while_there(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """What comes of it; cancelled when the client leaves, and ClientDisconnect raised."""
    watch = _Watch(receive)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.has_left:
            raise ClientDisconnect from None
        raise
    finally:
        watch.end()


class _Watch:
    """Cancels the task that made it when its client leaves. Whoever has their answer soon is not looked after."""

    def __init__(self, receive: Receive) -> None:
        self.has_left = False
        self._receive = receive
        self._answering = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(LOOKED_AFTER, self._begin)

    def end(self) -> None:
        self._timer.cancel()
        if self._watching:
            self._watching.cancel()

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
        assert self._answering
        self._answering.cancel()


def respond(
    answer: Answer,
    media: str,
    status: int | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The response of an answer, with this status where the request itself is at fault."""
    return Response(
        answer.text,
        status or _status(answer, media),
        {"cache-control": "no-store", **_retry_after(answer), **(headers or {})},
        media_type=f"{media}; charset=utf-8",
    )


def _status(answer: Answer, media: str) -> int:
    if not answer.refused:
        return 200
    if answer.code in _STATUS:
        return _STATUS[answer.code]
    # Whoever takes plain JSON expects that only the transport speaks in statuses.
    return 400 if media == GRAPHQL else 200


def _retry_after(answer: Answer) -> dict[str, str]:
    seconds = answer.errors[0]["extensions"].get("retryAfter") if answer.refused and answer.errors else None
    return {} if seconds is None else {"retry-after": str(ceil(seconds))}
