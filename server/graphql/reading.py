"""Reads what is asked from an HTTP request, and refuses what is not a GraphQL request."""

import asyncio
from email.message import Message

from starlette.requests import Request

from server.graphql.asked import Asked, Malformed, decode
from server.graphql.limits import Limits

#: So many times what a body may hold is read and thrown away, for the refusal to arrive before the end.
_OVERFLOW = 16


async def read(request: Request, limits: Limits) -> Asked:
    """What a GET or a POST asks; raises Malformed, and ClientDisconnect when the client leaves meanwhile."""
    if request.method == "GET":
        return Asked.of(_parameters(request, limits)).within(limits)
    _check_headers(request)
    try:
        async with asyncio.timeout(limits.body_seconds):
            body = await _body(request, limits.body_bytes)
    except TimeoutError:
        raise Malformed("The body took too long to arrive.", 408, {"connection": "close"}) from None
    return Asked.of(decode(body, limits)).within(limits)


def _parameters(request: Request, limits: Limits) -> dict[str, object]:
    parameters: dict[str, object] = dict(request.query_params)
    for name in ("variables", "extensions"):
        text = parameters.get(name)
        parameters[name] = decode(str(text), limits) if text else None
    return parameters


def _check_headers(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Malformed("Send the body as it is, not compressed.", 415, {"accept-encoding": "identity"})
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    if len(request.headers.getlist("content-type")) != 1 or header.get_content_type() != "application/json":
        raise Malformed("Send application/json.", 415)
    charset = header.get_param("charset", "utf-8")
    if not isinstance(charset, str) or charset.lower() not in ("utf-8", "utf8"):
        raise Malformed("Send the body in UTF-8.", 415)


async def _body(request: Request, limit: int) -> bytes:
    # Counted as it comes: a Content-Length may be absent, or not true.
    body = bytearray()
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= limit:
            body += chunk
        else:
            body.clear()
        if length > _OVERFLOW * limit:
            break
    if length > limit:
        raise Malformed(f"A body has at most {limit} bytes.", 413)
    return bytes(body)
