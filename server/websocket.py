"""uvicorn's websocket, with a way past ASGI for what is sent a thousand times a second."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_EXTENSION: Final = "leporello.outlet"
#: A final text frame of a server, which is not masked (RFC 6455, section 5.2).
_TEXT: Final = 0x81


class Outlet:
    """Writes frames straight to a connection; they stand in line with what is sent through ASGI."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: "Protocol") -> None:
        self._protocol = protocol

    @property
    def is_busy(self) -> bool:
        """Whether more lies there unsent than the transport likes."""
        return not self._protocol.writable.is_set()

    async def drained(self) -> None:
        """Until it is not busy, or gone."""
        await self._protocol.writable.wait()

    def write(self, parts: Sequence[bytes]) -> None:
        """Nothing, once it is closing."""
        protocol = self._protocol
        if protocol.handshake_complete and not protocol.close_sent and not protocol.transport.is_closing():
            protocol.transport.write(b"".join(parts))


class _Queue:
    """What uvicorn asks of an asyncio.Queue, for one reader: an idle one takes 3 kB less."""

    __slots__ = ("_getter", "_items")

    def __init__(self) -> None:
        self._items: list[Any] = []
        self._getter: asyncio.Future[None] | None = None

    def put_nowait(self, item: Any) -> None:
        self._items.append(item)
        if self._getter and not self._getter.done():
            self._getter.set_result(None)

    def empty(self) -> bool:
        return not self._items

    async def get(self) -> Any:
        while not self._items:
            self._getter = asyncio.get_running_loop().create_future()
            await self._getter
        # Reading pauses while something lies here: it is never long.
        return self._items.pop(0)


class Protocol(WebSocketsSansIOProtocol):
    """Tells whoever serves it of its outlet."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue = _Queue()  # type: ignore[assignment]

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            # The task that it has made for the scope has not begun yet.
            self.scope["extensions"][_EXTENSION] = Outlet(self)  # type: ignore[assignment]

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            # It stands in line behind what is still unread, and is not refused for that.
            self.writable.set()
        await super().send(message)
        if self.close_timer is not None:
            self.close_timer.cancel()
            # Closing would wait for ever for a peer that does not read.
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()


def outlet_of(scope: Scope) -> Outlet | None:
    """None where another server serves it."""
    outlet: Outlet | None = scope.get("extensions", {}).get(_EXTENSION)
    return outlet


def text_header(length: int) -> bytes:
    """What stands before the payload of a text frame, of so many bytes."""
    if length < 126:
        return bytes((_TEXT, length))
    if length < 65_536:
        return bytes((_TEXT, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT, 127)) + length.to_bytes(8, "big")
