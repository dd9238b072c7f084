"""Asking as a client would: GraphQL over HTTP, subscriptions with a client that others wrote."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

import httpx
from gql import Client as GqlClient
from gql import GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

#: Seconds that a test waits for what must come.
PATIENCE = 10.0


@dataclass(frozen=True)
class Answer:
    """What came back; `code` is the first error's, top-level before the payload's own."""

    data: dict[str, Any] | None
    errors: list[dict[str, Any]]
    status: int

    @property
    def user_errors(self) -> list[dict[str, Any]]:
        payload = next(iter((self.data or {}).values()), None)
        return payload.get("userErrors", []) if isinstance(payload, dict) else []

    @property
    def code(self) -> str | None:
        if self.errors:
            return str(self.errors[0]["extensions"]["code"])
        return self.user_errors[0]["code"] if self.user_errors else None

    @property
    def path(self) -> list[str]:
        return list(self.user_errors[0]["path"])

    @property
    def it(self) -> Any:
        """The value of the one root field; only of an answer without errors."""
        assert not self.errors and not self.user_errors, (self.errors, self.user_errors)
        assert self.data is not None and len(self.data) == 1
        return next(iter(self.data.values()))


def answered(data: dict[str, Any], cost: int = 0) -> dict[str, Any]:
    """All that comes back of a query or a mutation, over either transport; an event has no cost."""
    return {"data": data, "extensions": {"cost": cost}}


@dataclass(frozen=True)
class Client:
    """One person's client of one process; nobody's, before they sign in."""

    http: httpx.AsyncClient
    url: str
    token: str | None = None
    refresh_token: str | None = None
    user_id: str = ""
    email: str = ""

    async def ask(self, document: str, **variables: Any) -> Answer:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        response = await self.http.post(
            f"{self.url}/graphql", json={"query": document, "variables": variables}, headers=headers
        )
        body = response.json()
        return Answer(body.get("data"), body.get("errors", []), response.status_code)

    def at(self, url: str) -> Self:
        """The same person at another process."""
        return replace(self, url=url)

    async def sign_up(self, name: str) -> Self:
        """Somebody new."""
        email = f"{name.lower()}@example.org"
        signed = await self.ask(SIGN_UP, input={"name": name, "email": email, "password": PASSWORD})
        return self._with(signed.it)

    async def sign_in(self, email: str, password: str) -> Self:
        signed = await self.ask(SIGN_IN, input={"email": email, "password": password})
        return self._with(signed.it)

    def _with(self, payload: dict[str, Any]) -> Self:
        return replace(
            self,
            token=payload["tokens"]["accessToken"],
            refresh_token=payload["tokens"]["refreshToken"],
            user_id=payload["viewer"]["user"]["id"],
            email=payload["viewer"]["email"],
        )

    @asynccontextmanager
    async def follow(self, document: str, via: str | None = None, **variables: Any) -> AsyncIterator["Events"]:
        """A subscription; `via` is another address to reach the process by."""
        payload = {"authorization": f"Bearer {self.token}"} if self.token else {}
        address = (via or self.url).replace("http://", "ws://")
        transport = WebsocketsTransport(url=f"{address}/graphql", init_payload=payload)
        async with GqlClient(transport=transport) as session:
            request = GraphQLRequest(document, variable_values=variables)
            stream: AsyncGenerator[dict[str, Any], None] = session.subscribe(request)
            events = Events()
            reading = asyncio.create_task(events.read(stream))
            try:
                yield events
            finally:
                reading.cancel()
                await asyncio.wait([reading])


@dataclass
class Events:
    """What a subscription yields, one at a time, with a limit to the waiting."""

    _heard: asyncio.Queue[dict[str, Any] | Exception] = field(default_factory=asyncio.Queue)

    async def read(self, stream: AsyncGenerator[dict[str, Any], None]) -> None:
        """Hears what comes, from now on: their client asks only once it is listened to."""
        try:
            async with aclosing(stream):
                async for event in stream:
                    self._heard.put_nowait(event)
        except Exception as error:
            self._heard.put_nowait(error)

    async def next(self, patience: float = PATIENCE) -> Any:
        async with asyncio.timeout(patience):
            event = await self._heard.get()
        if isinstance(event, Exception):
            raise event
        return next(iter(event.values()))

    async def take(self, count: int) -> list[Any]:
        return [await self.next() for _ in range(count)]

    async def until(self, holds: Callable[[Any], bool]) -> list[Any]:
        """Everything up to the first event for which it holds."""
        events: list[Any] = []
        while not events or not holds(events[-1]):
            events.append(await self.next())
        return events

    async def end(self) -> str:
        """The code that it ends with."""
        try:
            event = await self.next()
        except TransportQueryError as error:
            [told] = error.errors or []
            return str(told["extensions"]["code"])
        raise AssertionError(f"it went on: {event}")


PASSWORD = "a long enough password"
TOKENS = """
  tokens { accessToken refreshToken accessTokenExpiresAt refreshTokenExpiresAt }
  viewer { id email user { id name } session { id current } }
  userErrors { code message path }
"""
SIGN_UP = f"mutation SignUp($input: SignUpInput!) {{ signUp(input: $input) {{ {TOKENS} }} }}"
SIGN_IN = f"mutation SignIn($input: SignInInput!) {{ signIn(input: $input) {{ {TOKENS} }} }}"
REFRESH = f"mutation Refresh($token: String) {{ refreshSession(refreshToken: $token) {{ {TOKENS} }} }}"
SIGN_OUT = "mutation SignOut { signOut { revokedSessionIds userErrors { code message path } } }"

CREATE_BOOK = """
mutation CreateBook($input: CreateBookInput!) {
  createBook(input: $input) {
    book { id title seq epoch viewerRole owner { id } pages { id width height elements { id } } }
    seq
    userErrors { code message path }
  }
}
"""
ELEMENT = """
fragment Element on Element {
  __typename id pageId x y width height scaleX scaleY angle opacity orderKey locked seq createdAt updatedAt
  createdBy { id } updatedBy { id }
  ... on ImageElement { imageId image { id } crop { x y width height } cornerRadius }
  ... on TextElement { content fontSize fontFamily color align }
  ... on RectangleElement { fill stroke strokeWidth cornerRadius }
  ... on CircleElement { fill stroke strokeWidth }
  ... on DrawingElement { points { x y } stroke strokeWidth }
}
"""
BOOK = (
    """
query Book($id: ID!) {
  book(id: $id) {
    id title seq epoch viewerRole elementCount memberCount
    pages { id name width height background orderKey }
    elements { ...Element }
    members { user { id } role email }
  }
}
"""
    + ELEMENT
)
APPLY = (
    """
mutation Apply($input: ApplyOperationsInput!) {
  applyOperations(input: $input) {
    seq
    results { status element { ...Element } page { id name orderKey } }
    conflicts { ...Element }
    userErrors { code message path }
  }
}
"""
    + ELEMENT
)
EVENTS = (
    """
subscription Events($bookId: ID!, $after: Int, $epoch: String) {
  bookEvents(bookId: $bookId, after: $after, epoch: $epoch) {
    __typename bookId seq at batchId actor { id }
    ... on CanvasChanged {
      elements { ...Element }
      deletedElementIds
      pages { id name width height background orderKey }
      deletedPageIds
    }
    ... on ImagesChanged { images { id status width height failureReason } }
    ... on MembersChanged { members { user { id } role } removedUserIds }
    ... on BookChanged { book { id title visibility } }
    ... on Resync { epoch }
  }
}
"""
    + ELEMENT
)
INVITE = """
mutation Invite($input: InviteMemberInput!) {
  inviteMember(input: $input) { invitation { email role bookTitle } userErrors { code message path } }
}
"""
INVITATIONS = "{ viewer { invitations { id bookId bookTitle role book { id } invitedBy { name } } } }"
ACCEPT = """
mutation Accept($id: ID) { acceptInvitation(id: $id) { book { id } seq userErrors { code message path } } }
"""
BOOKS = "{ books { nodes { id title } totalCount } }"
MY_BOOKS = "subscription MyBooks { myBooks { bookId book { id title viewerRole } invitation { id role } } }"
REQUEST_UPLOADS = """
mutation Request($input: RequestUploadsInput!) {
  requestUploads(input: $input) {
    tickets { image { id status } duplicate url method fields { name value } expiresAt }
    userErrors { code message path }
  }
}
"""
COMPLETE_UPLOADS = """
mutation Complete($ids: [ID!]!) {
  completeUploads(imageIds: $ids) {
    images { id status failureReason width height }
    seq
    userErrors { code message path }
  }
}
"""
IMAGE_URLS = """
query Urls($id: ID!) {
  node(id: $id) { ... on Image { t: url(variant: THUMBNAIL) p: url o: url(variant: ORIGINAL) } }
}
"""
UPDATE_MEMBER = """
mutation Update($input: UpdateMemberInput!) {
  updateMember(input: $input) { member { role } seq userErrors { code message path } }
}
"""
REMOVE_MEMBER = """
mutation Remove($bookId: ID!, $userId: ID!) {
  removeMember(bookId: $bookId, userId: $userId) { ok seq userErrors { code message path } }
}
"""


def placed(x: float = 0, y: float = 0, width: float = 100, height: float = 100, **more: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "width": width, "height": height, **more}


async def apply(client: Client, book_id: str, batch_id: str, *operations: dict[str, Any]) -> Answer:
    return await client.ask(APPLY, input={"bookId": book_id, "batchId": batch_id, "operations": list(operations)})


UPDATE_BOOK = """
mutation UpdateBook($input: UpdateBookInput!) {
  updateBook(input: $input) { book { id title } seq userErrors { code message path } }
}
"""


async def changed(client: Client, book_id: str, **fields: Any) -> int:
    """The book with these fields, and the seq of that."""
    return int((await client.ask(UPDATE_BOOK, input={"id": book_id, **fields})).it["seq"])


async def joined(owner: Client, book_id: str, guest: Client, role: str = "EDITOR") -> int:
    """The guest becomes a member; the seq of that."""
    assert (await owner.ask(INVITE, input={"bookId": book_id, "email": guest.email, "role": role})).it
    [invitation] = [each for each in (await guest.ask(INVITATIONS)).it["invitations"] if each["bookId"] == book_id]
    return int((await guest.ask(ACCEPT, id=invitation["id"])).it["seq"])
