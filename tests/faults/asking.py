"""Asking by hand: one question over HTTP, and a websocket to misbehave on."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

PROTOCOL: Final = Subprotocol("graphql-transport-ws")

UPDATE_MEMBER: Final = (
    "mutation($input: UpdateMemberInput!) { updateMember(input: $input) { seq userErrors { code } } }"
)
REMOVE_MEMBER: Final = (
    "mutation($bookId: ID!, $userId: ID!) {"
    " removeMember(bookId: $bookId, userId: $userId) { seq userErrors { code } } }"
)
LEAVE_BOOK: Final = "mutation($id: ID!) { leaveBook(id: $id) { seq userErrors { code } } }"
UPDATE_BOOK: Final = "mutation($input: UpdateBookInput!) { updateBook(input: $input) { seq userErrors { code } } }"
INVITE: Final = (
    "mutation($input: InviteMemberInput!) { inviteMember(input: $input) { invitation { id } userErrors { code } } }"
)
ACCEPT: Final = "mutation($id: ID) { acceptInvitation(id: $id) { seq userErrors { code } } }"
SIGN_OUT: Final = "mutation { signOut { revokedSessionIds userErrors { code } } }"
VIEWER: Final = "{ viewer { id } }"


class Told:
    """What came of it: the payload of the one field, or the code of its refusal."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        fields = list((body.get("data") or {}).values())
        self.payload: Any = fields[0] if fields else None
        errors = body.get("errors") or []
        user_errors = self.payload.get("userErrors", []) if isinstance(self.payload, dict) else []
        self.code: str | None = None
        if errors:
            self.code = errors[0]["extensions"]["code"]
        elif user_errors:
            self.code = user_errors[0]["code"]


async def ask(http: aiohttp.ClientSession, url: str, token: str, document: str, **variables: Any) -> Told:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    body = orjson.dumps({"query": document, "variables": variables})
    async with http.post(f"{url}/graphql", data=body, headers=headers) as response:
        return Told(orjson.loads(await response.read()))


@asynccontextmanager
async def socket_to(
    url: str,
    protocol: Subprotocol | None = PROTOCOL,
    origin: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[ClientConnection]:
    address = url.replace("http://", "ws://") + "/graphql"
    subprotocols = [protocol] if protocol else None
    async with connect(
        address,
        subprotocols=subprotocols,
        origin=Origin(origin) if origin else None,
        additional_headers=headers,
        compression=None,
        close_timeout=1,
    ) as socket:
        yield socket


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())


async def begin(socket: ClientConnection, token: str) -> None:
    await say(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
    assert orjson.loads(await socket.recv())["type"] == "connection_ack"


async def ending(socket: ClientConnection, within: float) -> int | None:
    """The code that it is closed with, whatever is said before; None when it is not closed by then."""
    try:
        async with asyncio.timeout(within):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return int(socket.close_code or 1006)
    except TimeoutError:
        return None
