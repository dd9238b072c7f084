"""A websocket whose access token runs out, and one that is given a fresh one in time."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection

from models.id import inside
from models.session import ACCESS_LIFETIME
from server.app import App
from tests import client as asks
from tests.canvas import uuid
from tests.client import Client, changed
from tests.people import somebody
from tests.sockets import close_code, opened

RENEW = "mutation($token: String!) { renewConnection(accessToken: $token) { expiresAt userErrors { code path } } }"
EVENTS = "subscription($id: ID!) { bookEvents(bookId: $id) { seq } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def ada(town: tuple[App, Client]) -> Client:
    return await somebody(*town, "Ada")


def token(app: App, person: Client, *, seconds: float, of: Client | None = None) -> str:
    """One of the person's session that expires then, to the second."""
    claims = app.parts.tokens.verify(str((of or person).token))
    begun = datetime.now(UTC) - ACCESS_LIFETIME + timedelta(seconds=seconds)
    user_id = inside("us", person.user_id)
    assert user_id
    return app.parts.tokens.issue(user_id, claims.session_id, begun)[0]


async def said(connection: ClientConnection, id: str, document: str, **variables: Any) -> Any:
    """The first that is heard of the operation."""
    payload = {"query": document, "variables": variables}
    await connection.send(json.dumps({"id": id, "type": "subscribe", "payload": payload}))
    return json.loads(await connection.recv())["payload"]["data"]["renewConnection"]


async def follow(connection: ClientConnection, book_id: str) -> None:
    payload = {"query": EVENTS, "variables": {"id": book_id}}
    await connection.send(json.dumps({"id": "events", "type": "subscribe", "payload": payload}))


async def test_a_stream_ends_with_its_token_and_goes_on_with_a_fresh_one(ada: Client, app: App) -> None:
    book_id = (await ada.ask(asks.CREATE_BOOK, input={"title": "0"})).it["book"]["id"]
    async with opened(ada, token(app, ada, seconds=2)) as left, opened(ada, token(app, ada, seconds=2)) as renewed:
        await follow(left, book_id)
        fresh = token(app, ada, seconds=60)
        answer = await said(renewed, "renew", RENEW, token=fresh)
        assert answer["userErrors"] == []
        assert datetime.fromisoformat(answer["expiresAt"]) == app.parts.tokens.verify(fresh).expires_at
        assert json.loads(await renewed.recv())["type"] == "complete"
        await follow(renewed, book_id)
        assert await close_code(left, within=3) == 4403
        # What it was opened with is over by now; what was begun on it goes on.
        await changed(ada, book_id, title="1")
        assert json.loads(await renewed.recv())["payload"] == {"data": {"bookEvents": {"seq": 1}}}


async def test_only_a_good_token_of_the_same_session_renews(ada: Client, app: App, town: tuple[App, Client]) -> None:
    bob = await somebody(*town, "Bob")
    cleo = await Client(ada.http, ada.url).sign_up(f"cleo-{uuid()}")
    again = await Client(ada.http, ada.url).sign_in(cleo.email, asks.PASSWORD)
    async with opened(cleo) as connection:
        for number, (sent, code) in enumerate(
            (
                ("nonsense", "INVALID"),
                (token(app, cleo, seconds=-60), "EXPIRED"),
                (str(bob.token), "FORBIDDEN"),
                # Of the same person, on another device.
                (str(again.token), "FORBIDDEN"),
            )
        ):
            payload = {"query": RENEW, "variables": {"token": sent}}
            await connection.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
            heard = json.loads(await connection.recv())["payload"]
            errors = heard["data"]["renewConnection"]
            told = errors["userErrors"][0]["code"] if errors else heard["errors"][0]["extensions"]["code"]
            assert told == code, sent
            assert json.loads(await connection.recv())["type"] == "complete"


async def test_there_is_nothing_to_renew_over_http(ada: Client) -> None:
    answer = await ada.ask(RENEW, token=ada.token)
    assert (answer.code, answer.path) == ("INVALID", ["accessToken"])
    assert (await Client(ada.http, ada.url).ask(RENEW, token=ada.token)).code == "UNAUTHENTICATED"
