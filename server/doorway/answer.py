"""An answer on its way out."""

from contextlib import suppress
from typing import Any

from starlette.types import Message, Scope, Send

from server.doorway.origins import Headers


class Answer:
    """Sends one answer on its way, with our headers on it."""

    __slots__ = ("_send", "_unless", "always", "began")

    def __init__(self, send: Send, headers: tuple[Headers, Headers]) -> None:
        self._send = send
        self.always, self._unless = headers
        self.began = False

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" or kind == "websocket.http.response.start":
            self.began = True
            headers = list(message.get("headers", ()))
            own = [name.lower() for name, _ in headers]
            headers += [header for header in self._unless if header[0] not in own]
            message["headers"] = headers + self.always
        elif kind == "websocket.accept":
            self.began = True
            message["headers"] = [*message.get("headers", ()), *self.always]
        await self._send(message)

    async def whole(self, status: int, body: bytes, prefix: str = "") -> None:
        headers = [
            (b"content-length", str(len(body)).encode()),
            (b"content-type", b"text/plain; charset=utf-8"),
        ]
        if status == 204:
            headers = []
        start: dict[str, Any] = {"type": f"{prefix}http.response.start", "status": status, "headers": headers}
        await self.send(start)
        await self.send({"type": f"{prefix}http.response.body", "body": body})

    async def refuse(self, scope: Scope, status: int, sentence: bytes) -> None:
        if scope["type"] == "http":
            await self.whole(status, sentence)
        elif "websocket.http.response" in scope.get("extensions", {}):
            await self.whole(status, sentence, "websocket.")
        else:
            await self.send({"type": "websocket.close", "code": 1008})

    async def fail(self, scope: Scope) -> None:
        """What is left to do after a crash; an answer that has begun cannot be mended."""
        with suppress(Exception):  # The peer may be gone, which may be why.
            if not self.began:
                await self.refuse(scope, 500, b"Something went wrong on our side.")
            elif scope["type"] == "websocket":
                await self.send({"type": "websocket.close", "code": 1011})
