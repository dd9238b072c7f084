"""A small schema served over a real port, for what HTTP and websockets do whatever the schema is."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import strawberry
import uvicorn
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.scalars import JSON

from models.refusal import BadUserInput, Conflict, Forbidden, NotFound, RateLimited, Refusal, Unauthenticated
from resolvers.context import Viewer
from resolvers.token import TokenExpired
from server.graphql import Entrance, GraphQLEndpoint, Limits
from server.graphql import Socket as ServerSocket
from server.observe.operation import Operation

Info = strawberry.Info["Context", None]


@dataclass
class Story:
    """What happened behind the schema: the honest twin of a database."""

    entrances: list[Entrance] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    #: What the slow ones came to: "done" or "cancelled", and "closed" for the generators.
    ends: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    revoked: set[UUID] = field(default_factory=set)


@dataclass
class Context:
    story: Story
    entrance: Entrance
    caller: Viewer | Refusal | None

    @property
    def viewer(self) -> Viewer:
        if isinstance(self.caller, Refusal):
            raise self.caller
        if self.caller is None:
            raise Unauthenticated
        return self.caller


def token(user: UUID | None = None, session: UUID | None = None, seconds: float = 3600) -> str:
    expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"{user or uuid4()}/{session or uuid4()}/{expires_at.isoformat()}"


def viewer_of(text: str) -> Viewer:
    try:
        user, session, expires_at = text.split("/")
        viewer = Viewer(UUID(user), UUID(session), datetime.fromisoformat(expires_at))
    except ValueError:
        raise Unauthenticated("That token is not valid.") from None
    if viewer.expires_at <= datetime.now(UTC):
        raise TokenExpired("That token has expired.")
    return viewer


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.input
class Shape:
    colour: Colour
    width: int = 1
    inner: "Shape | None" = None


@strawberry.input(one_of=True)
class Choice:
    a: strawberry.Maybe[int]
    b: strawberry.Maybe[str]


@strawberry.type
class Node:
    number: int

    @strawberry.field
    def next(self) -> "Node":
        return Node(number=self.number + 1)

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("the secret is 1234")


async def slowly(story: Story) -> str:
    story.begun.set()
    try:
        await story.go_on.wait()
    except asyncio.CancelledError:
        story.ends.put_nowait("cancelled")
        raise
    story.ends.put_nowait("done")
    return "done"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    def node(self) -> Node:
        return Node(number=0)

    @strawberry.field
    def nodes(self, first: int) -> list[Node]:
        return [Node(number=each) for each in range(first)]

    @strawberry.field
    def colour(self, shape: Shape) -> Colour:
        return shape.colour

    @strawberry.field
    def choose(self, choice: Choice) -> str:
        return str(choice)

    @strawberry.field
    def day(self, at: datetime, id: UUID | None = None) -> str:
        return at.date().isoformat()

    @strawberry.field
    def echo(self, json: JSON) -> JSON:
        return json

    @strawberry.field
    def me(self, info: Info) -> str:
        return str(info.context.viewer.user_id)

    @strawberry.field
    def request_id(self, info: Info) -> str:
        return info.context.entrance.request_id

    @strawberry.field
    async def slow(self, info: Info) -> str:
        return await slowly(info.context.story)

    @strawberry.field
    def fail(self, how: str) -> str | None:
        raise failure(how)

    @strawberry.field
    def unspeakable(self) -> JSON:
        return JSON({"when": object()})

    @strawberry.field
    def bad_enum(self) -> Colour:
        return "the secret is 1234"  # type: ignore[return-value]


def failure(how: str) -> Exception:
    return {
        "forbidden": Forbidden("You may not do that."),
        "missing": NotFound(),
        "conflict": Conflict("Someone was faster."),
        "limited": RateLimited("Slow down.", retry_after=2.5),
        "input": BadUserInput("That makes no sense."),
        "bug": RuntimeError("the secret is 1234"),
        "os": ConnectionRefusedError("10.1.2.3:5432"),
        "database": OperationalError("SELECT secret", {}, Exception("gone")),
        "pool": TimeoutError("QueuePool limit"),
    }[how]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def note(self, info: Info, text: str) -> int:
        info.context.story.notes.append(text)
        return len(info.context.story.notes)

    @strawberry.mutation
    async def slow(self, info: Info) -> str:
        return await slowly(info.context.story)

    @strawberry.mutation
    def renew(self, info: Info, token: str) -> bool:
        socket = info.context.entrance.socket
        assert socket is not None
        socket.renew(viewer_of(token), token)
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def ticks(self, info: Info) -> AsyncGenerator[str, None]:
        """One at once, and the next when the story goes on."""
        story = info.context.story
        try:
            yield info.context.entrance.request_id
            story.begun.set()
            while True:
                await story.go_on.wait()
                yield "tick"
                await asyncio.sleep(0.01)
        finally:
            story.ends.put_nowait("closed")

    @strawberry.subscription
    async def floods(self, info: Info, size: int) -> AsyncGenerator[str, None]:
        try:
            while True:
                info.context.story.begun.set()
                yield "x" * size
        finally:
            info.context.story.ends.put_nowait("closed")

    @strawberry.subscription
    async def fails(self, how: str, after: int = 0) -> AsyncGenerator[int, None]:
        for number in range(after):
            yield number
        raise failure(how)

    @strawberry.subscription
    async def mine(self, info: Info) -> AsyncGenerator[str, None]:
        yield str(info.context.viewer.user_id)

    @strawberry.subscription
    async def nodes(self) -> AsyncGenerator[Node, None]:
        yield Node(number=1)


schema = strawberry.Schema(Query, Mutation, Subscription)


class Door:
    """Makes contexts as the program does: the token is verified, and a bad one refuses nobody yet."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.closed = False

    async def __call__(self, entrance: Entrance) -> Context:
        self._story.entrances.append(entrance)
        if self.closed:
            raise ConnectionRefusedError("the sessions are away")
        caller: Viewer | Refusal | None = None
        if entrance.token is not None:
            try:
                caller = viewer_of(entrance.token)
            except Refusal as refusal:
                caller = refusal
            else:
                if caller.session_id in self._story.revoked:
                    caller = Unauthenticated("That session is over.")
        return Context(self._story, entrance, caller)


@dataclass
class Served:
    """The endpoint on a port of its own."""

    port: int
    endpoint: GraphQLEndpoint
    story: Story
    door: Door
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def ask(self, query: str, /, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        return (await self.http.post("/graphql", json=body, headers=headers)).json()

    @property
    def a_socket(self) -> ServerSocket:
        (socket,) = self.endpoint.sockets
        return socket


@asynccontextmanager
async def serve(
    limits: Limits | None = None, *, introspection: bool = True, schema: strawberry.Schema = schema, **options: Any
) -> AsyncIterator[Served]:
    story = Story()
    door = Door(story)
    endpoint = GraphQLEndpoint(
        schema,
        enter=cast(Any, door),
        observe=story.operations.append,
        limits=limits,
        introspection=introspection,
        **options,
    )
    app = Starlette(routes=[Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)])
    # With its protocol said, since asyncio sets TCP_NODELAY for no other: 40 ms a request without.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(1_000)
    port: int = listening.getsockname()[1]
    config = uvicorn.Config(
        app,
        log_level="warning",
        ws="websockets-sansio",
        lifespan="off",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as http:
            yield Served(port, endpoint, story, door, http)
    finally:
        await endpoint.sockets.close_all()
        server.should_exit = True
        await serving
        listening.close()
