"""What is said on a websocket: graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation as Exchange
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from models.refusal import RateLimited, Refusal, Unauthenticated, Unavailable
from resolvers.context import Viewer
from resolvers.token import TokenExpired
from server.graphql.asked import Asked, Malformed
from server.graphql.documents import Rejected
from server.graphql.entrance import Entrance, token_of
from server.graphql.errors import tell, tell_exception
from server.graphql.operating import Answer, begun
from server.graphql.sinks import sink_of
from server.graphql.socket import Socket

if TYPE_CHECKING:
    from server.graphql.endpoint import GraphQLEndpoint

Errors = list[dict[str, Any]]

#: Characters of an operation's id.
ID_LENGTH: Final = 128
#: So many events of a subscription may be answered before all others have their turn.
_TURN: Final = 10


class Conversation(BaseGraphQLTransportWSHandler[Any, None]):
    """Strawberry's handler, mended: a context for each operation, and no message that breaks it."""

    def __init__(self, endpoint: "GraphQLEndpoint", socket: Socket) -> None:
        super().__init__(
            view=endpoint,
            websocket=socket,
            context=None,
            root_value=None,
            schema=endpoint.schema,
            connection_init_wait_timeout=endpoint.connection_init_wait_timeout,
            max_subscriptions_per_connection=endpoint.max_subscriptions_per_connection,
        )
        self._means = endpoint.means
        self._limits = endpoint.limits
        self._socket = socket
        self._asked = 0

    async def handle(self) -> None:
        self._socket.close_after(self._limits.init_seconds, 4408, "Connection initialisation timeout")
        try:
            async for message in self._socket.iter_json():
                await self.handle_message(cast(Message, message))
        except NonTextMessageReceived:
            await self.handle_invalid_message("Send text messages")
        except NonJsonMessageReceived:
            await self.handle_invalid_message("Send messages in JSON")
        except WebSocketDisconnected:
            pass
        except asyncio.CancelledError:
            # Thus the socket's own end wakes its reader; any other cancellation is not ours to keep.
            if not self._socket.is_closing:
                raise
        finally:
            await self._socket.finish()

    async def handle_message(self, message: Message) -> None:
        said: object = message
        if not isinstance(said, dict) or not isinstance(said.get("type"), str):
            await self.handle_invalid_message("A message is an object with a type")
        elif not isinstance(said.get("payload"), dict | None) and said["type"] != "subscribe":
            await self.handle_invalid_message("A payload is an object")
        elif said["type"] in ("subscribe", "complete") and not _is_id(said.get("id")):
            await self.handle_invalid_message(f"An id is a string of 1 to {ID_LENGTH} characters")
        else:
            await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        if self.connection_init_received:
            await self._socket.close(4429, "Too many initialisation requests")
            return
        self.connection_init_received = True
        self._socket.stay()
        try:
            self._socket.token = token_of(message.get("payload")) or self._socket.token
        except Malformed as error:
            await self.handle_invalid_message(error.message)
            return
        caller = await self._caller()
        if isinstance(caller, Refusal):
            await self._socket.close(_close_code(caller), caller.message)
            return
        if caller is not None and not self._socket.identify(caller):
            await self._socket.close(4429, "Too many connections")
            return
        await self.send_message({"type": "connection_ack"})
        self.connection_acknowledged = True

    async def _caller(self) -> Viewer | Refusal | None:
        """Who is on the socket; a refusal when they may not be."""
        if not self._socket.has_origin and self._socket.token is None:
            return Unauthenticated("Without an Origin, a token is needed.")
        entrance = self._entrance()
        try:
            async with asyncio.timeout(self._limits.init_seconds):
                return (await self._means.enter(entrance)).caller
        except Refusal as refusal:
            return refusal
        except Exception as error:
            told = tell_exception(error, entrance.request_id)
            return Unavailable(told["message"])

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        if not self.connection_acknowledged:
            await self._socket.close(4401, "Unauthorized")
            return
        if message["id"] in self.operations:
            await self._socket.close(4409, f"Subscriber for {message['id']} already exists")
            return
        try:
            asked = Asked.of(message.get("payload"))
        except Malformed as error:
            await self.handle_invalid_message(error.message)
            return
        exchange = Exchange(self, message["id"], asked.query or "", asked.variables, asked.operation_name)
        await self._socket.make_room()
        if not self._socket.has_room:
            refusal = RateLimited("Too many operations on this connection.", retry_after=1)
            await self._refuse(exchange, [{"message": refusal.message, "extensions": refusal.extensions}])
            return
        self.operations[exchange.id] = exchange
        exchange.task = self._socket.run(self._exchange(exchange, asked, self._entrance()))

    async def _exchange(self, exchange: Exchange[Any, None], asked: Asked, entrance: Entrance) -> None:
        try:
            await self._answer(exchange, asked, entrance)
        except WebSocketDisconnected:
            pass
        except Exception as error:
            with suppress(WebSocketDisconnected):
                await self._refuse(exchange, [tell_exception(error, entrance.request_id)])
        finally:
            if self.operations.get(exchange.id) is exchange:
                del self.operations[exchange.id]

    async def _answer(self, exchange: Exchange[Any, None], asked: Asked, entrance: Entrance) -> None:
        try:
            operation = await begun(self._means, asked.within(self._limits), entrance, "websocket")
        except Rejected as rejected:
            errors = tell(rejected.errors, entrance.request_id, suggest=self._means.suggest)
            await self._refuse(exchange, errors)
            return
        if operation.kind == "mutation":
            self._socket.keep_running()
        if operation.kind != "subscription":
            self._socket.pass_by()
        async with aclosing(operation.answers(sink_of(self._socket, exchange.id))) as answers:
            count = 0
            async for answer in answers:
                if answer.refused:
                    await self._refuse(exchange, answer.errors or [])
                    return
                count += 1
                if count % _TURN == 0:
                    # Neither a source with a backlog nor a socket that takes all of it gives way by itself.
                    await asyncio.sleep(0)
                await self._next(exchange, answer)
        await exchange.send_operation_message({"id": exchange.id, "type": "complete"})

    async def _next(self, exchange: Exchange[Any, None], answer: Answer) -> None:
        if not exchange.completed:
            await self._socket.send_text(
                f'{{"id":{orjson.dumps(exchange.id).decode()},"type":"next","payload":{answer.text.decode()}}}'
            )

    async def _refuse(self, exchange: Exchange[Any, None], errors: Errors) -> None:
        message = {"id": exchange.id, "type": "error", "payload": errors}
        await exchange.send_operation_message(cast(Message, message))

    def forget_id(self, id: str) -> None:
        self.operations.pop(id, None)

    async def cleanup_operation(self, operation_id: str) -> None:
        if exchange := self.operations.pop(operation_id, None):
            # The client may use its id again at once; whatever this one still says is not for it.
            exchange.completed = True
            if exchange.task not in self._socket.mutating and exchange.task:
                exchange.task.cancel()

    def _entrance(self) -> Entrance:
        """Each operation has an id of its own in the log, which begins with that of the socket."""
        self._asked += 1
        socket = self._socket
        request_id = f"{socket.entrance.request_id}.{self._asked}"
        return replace(socket.entrance, token=socket.token, request_id=request_id, socket=socket)


def _is_id(id: object) -> bool:
    """It is kept, and sent with every answer."""
    return isinstance(id, str) and 0 < len(id) <= ID_LENGTH


def _close_code(refusal: Refusal) -> int:
    if isinstance(refusal, TokenExpired):
        return 4403
    if isinstance(refusal, RateLimited):
        return 4429
    return 1013 if isinstance(refusal, Unavailable) else 4401
