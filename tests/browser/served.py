"""An API with just enough of the contract for the explorer's story, until its test is served the real one."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from enum import Enum

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import Info

from server.explorer import Explorer

TOKEN = "a-token-of-the-test"
QUEUE_LIMIT = 100
NOW = "2026-11-01T00:00:00Z"


@strawberry.enum
class Visibility(Enum):
    PRIVATE = "PRIVATE"


@strawberry.enum
class DevicePlatform(Enum):
    DESKTOP = "DESKTOP"


@strawberry.type
class User:
    id: strawberry.ID
    name: str


@strawberry.type
class Device:
    name: str
    platform: str


@strawberry.type
class Session:
    id: strawberry.ID
    current: bool = True
    device: Device | None = None
    created_at: str = NOW
    last_seen_at: str = NOW
    expires_at: str = NOW


@strawberry.type
class Invitation:
    id: strawberry.ID
    book_title: str
    role: str


@strawberry.type
class Viewer:
    id: strawberry.ID
    user: User
    email: str = "somebody@leporello.example"

    @strawberry.field
    def session(self) -> Session:
        return Session(id=strawberry.ID("session_1"))

    @strawberry.field
    def sessions(self) -> list[Session]:
        return [Session(id=strawberry.ID("session_1"))]

    @strawberry.field
    def invitations(self) -> list[Invitation]:
        return []


@strawberry.type
class SessionTokens:
    access_token: str
    refresh_token: str
    access_token_expires_at: str = NOW
    refresh_token_expires_at: str = NOW


@strawberry.type
class UserError:
    code: str
    message: str
    path: list[str]


@strawberry.type
class AuthPayload:
    tokens: SessionTokens | None
    viewer: Viewer | None
    user_errors: list[UserError]


@strawberry.type
class SignOutPayload:
    revoked_session_ids: list[strawberry.ID]
    user_errors: list[UserError]


@strawberry.input
class DeviceInput:
    name: str
    platform: DevicePlatform


@strawberry.input
class SignInInput:
    email: str
    password: str
    device: DeviceInput | None = None


@strawberry.input
class SignUpInput:
    name: str
    email: str
    password: str


@strawberry.type
class Page:
    id: strawberry.ID


@strawberry.type
class Book:
    id: strawberry.ID
    title: str
    seq: int = 1
    viewer_role: str = "OWNER"

    @strawberry.field
    def pages(self) -> list[Page]:
        return [Page(id=strawberry.ID("pg_1"))]


@strawberry.input
class CreateBookInput:
    title: str
    description: str | None = None
    visibility: Visibility | None = None


@strawberry.type
class BookPayload:
    book: Book | None
    user_errors: list[UserError]


@strawberry.input
class PlacementInput:
    x: float
    y: float
    width: float
    height: float


@strawberry.input
class CreateCircleElementInput:
    placement: PlacementInput


@strawberry.input(one_of=True)
class Operation:
    create_circle: CreateCircleElementInput | None = strawberry.UNSET


@strawberry.input
class ApplyOperationsInput:
    book_id: strawberry.ID
    batch_id: str
    operations: list[Operation]


@strawberry.type
class ApplyOperationsPayload:
    seq: int | None
    user_errors: list[UserError]


@strawberry.interface
class Element:
    id: strawberry.ID
    page_id: strawberry.ID
    x: float
    y: float
    width: float
    height: float


@strawberry.type
class CircleElement(Element):
    pass


@strawberry.interface
class BookEvent:
    seq: int
    at: str
    batch_id: str | None
    actor: User | None


@strawberry.type
class CanvasChanged(BookEvent):
    elements: list[Element]
    deleted_element_ids: list[strawberry.ID]


@strawberry.type
class Image:
    id: strawberry.ID
    filename: str
    status: str


@strawberry.type
class ImagesChanged(BookEvent):
    images: list[Image]
    deleted_image_ids: list[strawberry.ID]


@strawberry.type
class Member:
    role: str
    user: User


@strawberry.type
class MembersChanged(BookEvent):
    members: list[Member]
    removed_user_ids: list[strawberry.ID]


@strawberry.type
class DescribedBook:
    id: strawberry.ID
    title: str
    description: str | None


@strawberry.type
class BookChanged(BookEvent):
    book: DescribedBook


async def is_signed_in(info: Info) -> bool:
    params: dict[str, object] = info.context.get("connection_params") or {}
    sent = info.context["request"].headers.get("authorization") or params.get("authorization")
    return bool(sent == f"Bearer {TOKEN}")


@strawberry.type
class Query:
    @strawberry.field
    async def viewer(self, info: Info) -> Viewer | None:
        return viewer(next(iter(PEOPLE.values()))) if await is_signed_in(info) else None


def viewer(name: str) -> Viewer:
    return Viewer(id=strawberry.ID("viewer_1"), user=User(id=strawberry.ID("user_1"), name=name))


PEOPLE: dict[tuple[str, str], str] = {}
LISTENERS: set[asyncio.Queue[CanvasChanged]] = set()


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def sign_up(self, input: SignUpInput) -> AuthPayload:
        PEOPLE[input.email, input.password] = input.name
        return AuthPayload(tokens=None, viewer=None, user_errors=[])

    @strawberry.mutation
    async def sign_in(self, input: SignInInput) -> AuthPayload:
        name = PEOPLE.get((input.email, input.password))
        if name is None:
            wrong = UserError(code="WRONG_CREDENTIALS", message="They do not match.", path=[])
            return AuthPayload(tokens=None, viewer=None, user_errors=[wrong])
        tokens = SessionTokens(access_token=TOKEN, refresh_token="again")
        return AuthPayload(tokens=tokens, viewer=viewer(name), user_errors=[])

    @strawberry.mutation
    async def refresh_session(self, refresh_token: str) -> AuthPayload | None:
        return None

    @strawberry.mutation
    async def sign_out(self, info: Info) -> SignOutPayload:
        revoked = [strawberry.ID("session_1")] if await is_signed_in(info) else []
        return SignOutPayload(revoked_session_ids=revoked, user_errors=[])

    @strawberry.mutation
    async def create_book(self, info: Info, input: CreateBookInput) -> BookPayload | None:
        if not await is_signed_in(info):
            raise PermissionError("Sign in first.")
        return BookPayload(book=Book(id=strawberry.ID("book_1"), title=input.title), user_errors=[])

    @strawberry.mutation
    async def apply_operations(self, info: Info, input: ApplyOperationsInput) -> ApplyOperationsPayload:
        placed = input.operations[0].create_circle
        assert placed
        at = placed.placement
        circle = CircleElement(
            id=strawberry.ID("el_1"),
            page_id=strawberry.ID("pg_1"),
            x=at.x,
            y=at.y,
            width=at.width,
            height=at.height,
        )
        for queue in LISTENERS:
            queue.put_nowait(
                CanvasChanged(
                    seq=2,
                    at=NOW,
                    batch_id=input.batch_id,
                    actor=None,
                    elements=[circle],
                    deleted_element_ids=[],
                )
            )
        return ApplyOperationsPayload(seq=2, user_errors=[])


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def book_events(
        self, info: Info, book_id: strawberry.ID, after: int | None = None
    ) -> AsyncGenerator[BookEvent, None]:
        if not await is_signed_in(info):
            raise PermissionError("Sign in first.")
        queue: asyncio.Queue[CanvasChanged] = asyncio.Queue(QUEUE_LIMIT)
        LISTENERS.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            LISTENERS.discard(queue)


schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[CanvasChanged, CircleElement, ImagesChanged, MembersChanged, BookChanged],
)
explorer = Explorer(image_origins=["http://127.0.0.1:8333"])
api: GraphQL[None, None] = GraphQL(schema, graphql_ide=None, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])


class Endpoint:
    """The explorer for a browser, the API for everyone else."""

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        is_browser = scope["type"] == "http" and "text/html" in Request(scope).headers.get("accept", "")
        answer: Response | GraphQL[None, None] = explorer.page(Request(scope)) if is_browser else api
        await answer(scope, receive, send)


app = Starlette(routes=[Route("/graphql", Endpoint()), WebSocketRoute("/graphql", Endpoint()), *explorer.routes])


class Served(uvicorn.Server):
    """A server that can be waited for."""

    def __init__(self) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=1))
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()
