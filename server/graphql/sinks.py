"""Where the answers of a shared subscription go: a socket's transport, or ASGI where that is hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson
from strawberry.http.exceptions import WebSocketDisconnected

from resolvers.live import Sink
from server.websocket import Outlet, text_header

if TYPE_CHECKING:
    from server.graphql.socket import Socket


def sink_of(socket: Socket, id: str) -> Sink:
    """For the operation with this id."""
    begin = b'{"id":%b,"type":"next","payload":' % orjson.dumps(id)
    return DirectSink(socket, socket.outlet, begin) if socket.outlet else AsgiSink(socket, begin)


class DirectSink:
    """Writes to the transport; what lies there unsent, and no queue of ours, says whether it is busy."""

    __slots__ = ("_begin", "_outlet", "_socket")

    def __init__(self, socket: Socket, outlet: Outlet, begin: bytes) -> None:
        self._socket = socket
        self._outlet = outlet
        self._begin = begin

    @property
    def is_busy(self) -> bool:
        return self._outlet.is_busy

    def send(self, payloads: Sequence[bytes]) -> None:
        if self._socket.is_closing:
            return
        begin = self._begin
        parts: list[bytes] = []
        for header, rest in _framed(payloads, len(begin)):
            parts += (header, begin, rest)
        self._outlet.write(parts)

    async def ready(self) -> None:
        await self._socket.drained(self._outlet)


def _framed(payloads: Sequence[bytes], begin: int) -> list[tuple[bytes, bytes]]:
    """What stands before and after each one's beginning: the same for all whose ids are as long."""
    global _last
    of, length, framed = _last
    if of is not payloads or length != begin:
        framed = [(text_header(begin + len(payload) + 1), payload + b"}") for payload in payloads]
        _last = payloads, begin, framed
    return framed


#: Of the payloads that went out last: the next one is nearly always sent the same.
_last: tuple[Sequence[bytes], int, list[tuple[bytes, bytes]]] = ((), 0, [])


class AsgiSink:
    """Sends through ASGI, one message after the other, in a task of its own."""

    def __init__(self, socket: Socket, begin: bytes) -> None:
        self._socket = socket
        self._begin = begin.decode()
        #: Its client may use the id again as soon as this has ended.
        self._operation = asyncio.current_task()
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        return self._sending is not None and not self._sending.done()

    def send(self, payloads: Sequence[bytes]) -> None:
        # The socket looks after it, so that it ends with it.
        self._sending = self._socket.run(self._send(payloads, self._sending))

    async def ready(self) -> None:
        if self._sending is not None:
            await asyncio.wait([self._sending])
        if self._socket.is_closing:
            raise ConnectionError("The socket is closed.")

    async def _send(self, payloads: Sequence[bytes], before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        with suppress(WebSocketDisconnected):
            for payload in payloads:
                if self._operation and self._operation.done():
                    return
                await self._socket.send_text(f"{self._begin}{payload.decode()}}}")
