"""The one address of the GraphQL API: an ASGI application for a Route and a WebSocketRoute."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema import Schema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from resolvers.context import Context
from schema.plan.planner import Planner
from server.graphql.asked import Malformed
from server.graphql.cookies import Cookies
from server.graphql.direct import Direct
from server.graphql.documents import Rejected, Trusted
from server.graphql.entrance import Enter, Entrance
from server.graphql.errors import tell, tell_exception
from server.graphql.http import refusal, respond, unless_left, while_there
from server.graphql.kept import keeping
from server.graphql.limits import Limits
from server.graphql.negotiation import GRAPHQL, JSON, negotiate, takes_html
from server.graphql.operating import Answer, Means, begun
from server.graphql.protocol import Conversation
from server.graphql.reading import read
from server.graphql.socket import Socket
from server.graphql.sockets import Sockets
from server.observe.operation import Operation


class GraphQLEndpoint(GraphQL[Any, None]):
    """Queries and mutations over HTTP; these and subscriptions over graphql-transport-ws."""

    def __init__(
        self,
        schema: Schema,
        *,
        enter: Enter,
        observe: Callable[[Operation], None],
        limits: Limits | None = None,
        spend: Callable[[Context, int], None] | None = None,
        allowed_origins: Collection[str] = (),
        cookies: Cookies | None = None,
        introspection: bool = False,
        explorer: Callable[[Request], Response] | None = None,
        trusted: Iterable[Trusted] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        kept, documents = keeping(schema, self.limits, introspection=introspection, trusted=trusted)
        super().__init__(
            kept,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=self.limits.init_seconds),
            max_subscriptions_per_connection=self.limits.subscriptions_per_socket,
            allowed_origins=tuple(allowed_origins),
        )
        self.means = Means(
            kept, documents, Planner(kept._schema), enter, observe, self.limits, spend, suggest=introspection
        )
        self.sockets = Sockets(self.limits)
        self._direct = Direct(self.means)
        self._cookies = cookies
        self._explorer = explorer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._converse(WebSocket(scope, receive, send))
            return
        if scope["method"] == "POST":
            undone = await self._direct.answer(scope, receive, send)
            if undone is None:
                return
            receive = undone
        response = await self._respond(Request(scope, receive))
        if response is not None:
            await response(scope, receive, send)

    def encode_json(self, data: object) -> str:
        # As text: bytes would leave as binary frames, which clients refuse.
        return orjson.dumps(data).decode()

    async def _respond(self, request: Request) -> Response | None:
        """The response to a request; None when there is nobody left to have it."""
        entrance = Entrance.of(request)
        accept = ", ".join(request.headers.getlist("accept"))
        media = negotiate(accept) or JSON
        try:
            if request.method not in ("GET", "POST"):
                raise Malformed("Use GET or POST.", 405, {"allow": "GET, POST"})
            asks_nothing = request.method == "GET" and "query" not in request.query_params
            if self._explorer and asks_nothing and takes_html(accept):
                return self._explorer(request)
            if negotiate(accept) is None:
                raise Malformed(f"Accept {GRAPHQL} or {JSON}.", 406)
            if self._cookies:
                entrance = replace(entrance, cookie=self._cookies.of(request))
            answer = await self._answer(request, entrance)
        except ClientDisconnect:
            return None
        except Malformed as error:
            return respond(refusal(error), media, error.status, error.headers)
        except Rejected as rejected:
            errors = tell(rejected.errors, entrance.request_id, suggest=self.means.suggest)
            answer = Answer.refusing(errors)
        except Exception as error:
            told = tell_exception(error, entrance.request_id)
            answer = Answer.refusing([told])
        response = respond(answer, media)
        if self._cookies and entrance.cookie:
            self._cookies.put(entrance.cookie, response)
        return response

    async def _answer(self, request: Request, entrance: Entrance) -> Answer:
        asked = await read(request, self.limits)
        operation = await while_there(begun(self.means, asked, entrance, "http"), request.receive)
        if operation.kind == "subscription":
            raise Malformed("Subscribe over a websocket.")
        if operation.kind == "mutation" and request.method == "GET":
            raise Malformed("Send mutations by POST.", 405, {"allow": "POST"})
        return await unless_left(operation, request.receive)

    async def _converse(self, websocket: WebSocket) -> None:
        if not self._is_welcome(websocket):
            await self.reject_websocket(websocket)
            return
        subprotocol = await self.pick_websocket_subprotocol(websocket)
        await self.create_websocket_response(websocket, subprotocol)
        socket = Socket(self, websocket)
        if subprotocol is None:
            await socket.close(4406, "Subprotocol not acceptable")
        elif not self.sockets.admit(socket):
            await socket.close(4429, "Too many connections")
        else:
            try:
                await Conversation(self, socket).handle()
            finally:
                self.sockets.forget(socket)

    def _is_welcome(self, websocket: WebSocket) -> bool:
        """Browsers name their origin. Whoever names none is no browser, and then brings no cookies either."""
        if "origin" not in websocket.headers and "cookie" in websocket.headers:
            return False
        return self._check_websocket_origin(websocket)
