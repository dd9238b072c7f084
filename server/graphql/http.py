"""What goes back over HTTP: the status, the media type and the bytes of an answer."""

import asyncio
from math import ceil

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from models.refusal import Refusal
from server.graphql.errors import tell_exception
from server.graphql.negotiation import GRAPHQL
from server.graphql.operating import Answer, Operating

#: Of a request that was not executed; all others, and those that are one's own mistake, are a 400.
_STATUS = {
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
    return Answer({"errors": errors}, refused=True, code=error.code)


async def unless_left(operation: Operating, request: Request) -> Answer:
    """The answer; a query whose client leaves is cancelled, and ClientDisconnect raised.

    A mutation goes on: whether it happened must not depend on who still listens.
    """
    if operation.kind != "query":
        return await operation.answer()
    answering = asyncio.create_task(operation.answer())
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientDisconnect
        return answering.result()
    finally:
        answering.cancel()
        leaving.cancel()
        await asyncio.wait({answering, leaving})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def respond(
    answer: Answer,
    media: str,
    request_id: str,
    status: int | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The response of an answer, with this status where the request itself is at fault."""
    try:
        body = orjson.dumps(answer.payload)
    except TypeError as error:
        answer = Answer({"errors": [tell_exception(error, request_id)]}, refused=True, code="INTERNAL")
        body = orjson.dumps(answer.payload)
    return Response(
        body,
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
    seconds = answer.payload["errors"][0]["extensions"].get("retryAfter") if answer.refused else None
    return {} if seconds is None else {"retry-after": str(ceil(seconds))}
