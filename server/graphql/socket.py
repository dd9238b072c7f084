"""A websocket as the rest of the program sees it: who is on it, until when, and how it ends."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected

from models.refusal import Forbidden
from resolvers.context import Viewer
from server.graphql.asked import Malformed, decode
from server.graphql.entrance import Entrance
from server.graphql.pace import Pace
from server.websocket import Outlet, outlet_of

if TYPE_CHECKING:
    from server.graphql.endpoint import GraphQLEndpoint


class Socket(ASGIWebSocketAdapter):
    """One connection, from its handshake on. It closes by itself when its viewer's token expires."""

    def __init__(self, endpoint: "GraphQLEndpoint", websocket: WebSocket) -> None:
        super().__init__(endpoint, websocket, websocket)
        self.entrance = Entrance.of(websocket)
        self.has_origin = "origin" in websocket.headers
        self.outlet = outlet_of(websocket.scope)
        self.token = self.entrance.token
        self.viewer: Viewer | None = None
        self.is_closing = False
        #: What is being answered on it. Mutations are not cancelled when it closes.
        self.running: set[asyncio.Task[None]] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.mutating: set[asyncio.Task[None]] = set()
        self._limits = endpoint.limits
        self._sockets = endpoint.sockets
        self._pace = Pace(self._limits.messages_per_second, self._limits.messages_at_once)
        self._reader = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self._is_read = True

    def close_after(self, seconds: float, code: int, reason: str) -> None:
        """Closes it then, unless it is told otherwise until then."""
        self.stay()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._start_closing, code, reason)

    def stay(self) -> None:
        """Takes back `close_after`."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def identify(self, viewer: Viewer) -> bool:
        """It is this viewer's from now on, until their token expires. False when they have too many."""
        if not self._sockets.identify(self, viewer):
            return False
        self.viewer = viewer
        self._expire()
        return True

    def renew(self, viewer: Viewer, token: str | None = None) -> None:
        """Goes on with a fresh token of the same session, which its next operations enter with.

        Raises Forbidden when it is of another session or user.
        """
        known = self.viewer
        if known is None or (known.user_id, known.session_id) != (viewer.user_id, viewer.session_id):
            raise Forbidden("That token is not of this connection's session.")
        self.viewer = viewer
        self.token = token or self.token
        if not self.is_closing:
            self._expire()

    def _expire(self) -> None:
        assert self.viewer is not None
        # Asked of the clock again when the timer rings: the two need not have gone at the same pace.
        left = (self.viewer.expires_at - datetime.now(UTC)).total_seconds()
        if left <= 0:
            self._start_closing(4403, "The access token has expired.")
            return
        self.stay()
        self._timer = asyncio.get_running_loop().call_later(left, self._expire)

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        while not self.is_closing:
            message = await self.ws.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if len(text) > self._limits.message_bytes:
                await self.close(1009, f"A message has at most {self._limits.message_bytes} bytes")
            elif not self._pace.allows():
                await self.close(4429, "Too many messages")
            else:
                try:
                    decoded = decode(text, self._limits)
                except Malformed as error:
                    raise NonJsonMessageReceived from error
                yield decoded

    async def send_json(self, message: Mapping[str, object]) -> None:
        await self.send_text(self.view.encode_json(message))  # type: ignore[arg-type]

    async def send_text(self, text: str) -> None:
        """Sends a message that is encoded already; raises WebSocketDisconnected when nobody takes it."""
        if self.is_closing:
            raise WebSocketDisconnected
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await self.ws.send_text(text)
        except TimeoutError:
            await self.close(1013, "It reads too slowly")
            raise WebSocketDisconnected from None
        except (WebSocketDisconnect, RuntimeError) as error:
            # RuntimeError: another task has sent the close frame meanwhile.
            raise WebSocketDisconnected from error

    async def drained(self, outlet: Outlet) -> None:
        """Until what was written to it has left. Raises ConnectionError once it is closed, as a slow reader's is."""
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await outlet.drained()
        except TimeoutError:
            await self.close(1013, "It reads too slowly")
        if self.is_closing:
            raise ConnectionError("The socket is closed.")

    @property
    def has_room(self) -> bool:
        """Whether one more operation may run on it."""
        limits = self._limits
        return (
            len(self.running) < limits.subscriptions_per_socket
            and self._sockets.running < limits.subscriptions_per_process
        )

    def run(self, answering: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Answers an operation beside the others."""
        task = asyncio.create_task(answering)
        self.running.add(task)
        self._sockets.running += 1
        # By a callback: a task that is cancelled before it has begun has no `finally`.
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        self.mutating.discard(task)
        self._passing.discard(task)
        self._sockets.running -= 1

    async def make_room(self) -> None:
        """Reads no further until there is room, where that soon will be: subscriptions may go on for ever."""
        if len(self.running) >= self._limits.subscriptions_per_socket:
            # Those that have just come begin, and say what they are.
            await asyncio.sleep(0)
        while len(self.running) >= self._limits.subscriptions_per_socket and self._passing:
            await asyncio.wait(self._passing, return_when=asyncio.FIRST_COMPLETED)

    def pass_by(self) -> None:
        """Has the operation that calls it count as one that soon makes room."""
        task = asyncio.current_task()
        assert task in self.running
        self._passing.add(task)

    def keep_running(self) -> None:
        """Has the operation that calls it outlive the connection."""
        task = asyncio.current_task()
        assert task in self.running
        self.mutating.add(task)

    async def retire(self, code: int, reason: str) -> None:
        """Closes it once the mutations under way have been answered."""
        self._cancel()
        await _ended(self.mutating, self._limits.finishing_seconds)
        await self.close(code, reason)

    async def close(self, code: int, reason: str) -> None:
        """Ends it: first all that could still send, then the connection. Can be repeated."""
        if self.is_closing:
            return
        self.is_closing = True
        self.stay()
        self._sockets.forget(self)
        self._cancel()
        try:
            async with asyncio.timeout(self._limits.closing_seconds):
                await self.ws.close(code, _short(reason))
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            # Whoever does not read does not see the code either; what follows ends the connection.
            pass
        if self._is_read and self._reader and self._reader is not asyncio.current_task():
            self._reader.cancel()

    async def finish(self) -> None:
        """Leaves nothing behind once the connection is over."""
        self._is_read = False
        self.is_closing = True
        self.stay()
        self._sockets.forget(self)
        self._cancel()
        try:
            await _ended(self.running - self.mutating, self._limits.closing_seconds)
            await _ended(self.mutating, self._limits.finishing_seconds)
        finally:
            for task in self.mutating:
                task.cancel()

    def _cancel(self) -> None:
        for task in self.running - self.mutating - {asyncio.current_task()}:
            task.cancel()

    def _start_closing(self, code: int, reason: str) -> None:
        self._closing = asyncio.create_task(self.close(code, reason))


async def _ended(tasks: set[asyncio.Task[None]], seconds: float) -> None:
    if tasks:
        await asyncio.wait(set(tasks), timeout=seconds)


def _short(reason: str) -> str:
    """A close frame has no room for more (RFC 6455, section 5.5)."""
    return reason.encode(errors="replace")[:123].decode(errors="ignore")
