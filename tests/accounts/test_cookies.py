"""A browser's refresh token in a cookie: no script reads it, and no other site's page uses it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
import pytest_asyncio

from server.app import App
from server.settings import Settings
from tests.accounts.signed_in import VIEWER, newcomer, once_more, rows_of, uuid
from tests.client import PASSWORD, REFRESH, SIGN_IN, SIGN_OUT, TOKENS, Client
from tests.running import served
from tests.sockets import opened

PUBLIC = "https://books.example.org"
FRIEND = "https://friend.example.com"
NAME = "__Host-leporello"
COOKIE = {"x-leporello-session": "cookie"}
REVOKE = "mutation Revoke($id: ID!) { revokeSession(id: $id) { revokedSessionIds userErrors { code } } }"


@pytest.fixture
def app(secure: tuple[App, Client]) -> App:
    return secure[0]


@pytest.fixture
def client(secure: tuple[App, Client]) -> Client:
    return secure[1]


@pytest_asyncio.fixture
async def secure(settings: Settings) -> AsyncIterator[tuple[App, Client]]:
    """The program behind TLS, as somebody knows it who has no cookies but those they send."""
    public = settings.model_copy(update={"public_url": PUBLIC, "allowed_origins": [FRIEND]})
    async with served(public) as (app, url), httpx.AsyncClient(timeout=30) as http:
        yield app, Client(http, url)


@pytest_asyncio.fixture
async def ada(app: App, client: Client) -> Client:
    return await newcomer(app, client)


async def ask(
    client: Client, document: str, *, cookie: str | None = None, method: str = "POST", **headers: str
) -> httpx.Response:
    """What a browser asks: with the header unless it is said otherwise, and with the cookie where it has one."""
    given = {**COOKIE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if client.token:
        given["authorization"] = f"Bearer {client.token}"
    if cookie is not None:
        given["cookie"] = f"theme=dark; {NAME}={cookie}"
    client.http.cookies.clear()
    return await client.http.request(
        method,
        f"{client.url}/graphql",
        json={"query": document},
        headers={name: value for name, value in given.items() if value},
    )


def cookie_of(response: httpx.Response) -> Any:
    """The one cookie that it sets."""
    [line] = response.headers.get_list("set-cookie")
    [morsel] = SimpleCookie(line).values()
    return morsel


def payload(response: httpx.Response) -> Any:
    [it] = response.json()["data"].values()
    return it


REFRESH_BY_COOKIE = f"mutation {{ refreshSession {{ {TOKENS} }} }}"


async def test_the_token_goes_into_a_cookie_that_no_script_and_no_other_site_has(ada: Client, app: App) -> None:
    answer = await ask(replace(ada, token=None), REFRESH_BY_COOKIE, cookie=ada.refresh_token)
    tokens, morsel = payload(answer)["tokens"], cookie_of(answer)
    assert (tokens["refreshToken"], payload(answer)["userErrors"]) == (None, [])
    assert tokens["accessToken"] and tokens["refreshTokenExpiresAt"]
    assert morsel.key == NAME and morsel["path"] == "/" and morsel["domain"] == ""
    assert (morsel["httponly"], morsel["secure"], morsel["samesite"]) == (True, True, "strict")
    assert 60 * 86_400 - 60 < int(morsel["max-age"]) <= 60 * 86_400
    # It is the next one, and good.
    assert app.parts.refresh_tokens.session_of(morsel.value) is not None
    again = await ask(ada, REFRESH_BY_COOKIE, cookie=morsel.value)
    assert payload(again)["viewer"]["email"] == ada.email and cookie_of(again).value != morsel.value
    async with rows_of(app) as rows:
        asked = "SELECT bool_or(uses_cookie) FROM sessions WHERE user_id = $1"
        assert await rows.fetchval(asked, uuid(ada.user_id))


async def test_an_argument_goes_before_the_cookie_and_its_successor_into_it(app: App, ada: Client) -> None:
    phone = await once_more(app, ada)
    answer = await ask(ada, f'mutation {{ refreshSession(refreshToken: "{phone.refresh_token}") {{ {TOKENS} }} }}')
    assert payload(answer)["tokens"]["refreshToken"] is None
    tokens = app.parts.refresh_tokens
    assert tokens.session_of(cookie_of(answer).value) == tokens.session_of(str(phone.refresh_token))


async def test_without_the_header_no_cookie_is_read_or_set(ada: Client) -> None:
    answer = await ask(ada, REFRESH_BY_COOKIE, cookie=ada.refresh_token, x_leporello_session="")
    assert payload(answer)["userErrors"][0]["code"] == "REQUIRED"
    assert "set-cookie" not in answer.headers
    assert (await ada.ask(REFRESH, token=ada.refresh_token)).it["tokens"]["refreshToken"]


@pytest.mark.parametrize("origin", [PUBLIC, "HTTPS://Books.Example.org", FRIEND, ""])
async def test_pages_of_ours_and_of_friends_use_the_cookie(ada: Client, origin: str) -> None:
    answer = await ask(ada, REFRESH_BY_COOKIE, cookie=ada.refresh_token, origin=origin)
    assert payload(answer)["viewer"]["email"] == ada.email and cookie_of(answer).value


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "https://books.example.org.evil.example",
        "http://books.example.org",
        "https://books.example.org:8443",
        "https://sub.books.example.org",
        f"{FRIEND}/",
    ],
)
async def test_pages_of_others_are_refused_and_nothing_changes(ada: Client, origin: str) -> None:
    for document in (REFRESH_BY_COOKIE, SIGN_OUT):
        answer = await ask(ada, document, cookie=ada.refresh_token, origin=origin)
        assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert "data" not in answer.json() and "set-cookie" not in answer.headers
    assert (await ada.ask(REFRESH, token=ada.refresh_token)).it


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"]
)
async def test_a_form_cannot_use_it(ada: Client, media: str) -> None:
    answer = await ask(ada, REFRESH_BY_COOKIE, cookie=ada.refresh_token, content_type=media)
    assert answer.status_code >= 400 and "set-cookie" not in answer.headers
    assert (await ada.ask(REFRESH, token=ada.refresh_token)).it


async def test_the_header_has_one_value_and_get_has_no_use_for_it(ada: Client) -> None:
    answer = await ask(ada, REFRESH_BY_COOKIE, cookie=ada.refresh_token, x_leporello_session="cookies")
    assert answer.status_code == 400 and answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    asked = {"query": VIEWER}
    got = await ada.http.get(f"{ada.url}/graphql", params=asked, headers={**COOKIE, "origin": "https://evil.example"})
    assert got.json()["data"] == {"viewer": None}


async def test_signing_up_and_in_fill_it_and_the_last_of_a_document_counts(client: Client, app: App) -> None:
    person = f'name: "Bob", email: "bob@example.org", password: "{PASSWORD}"'
    answer = await ask(client, f"mutation {{ signUp(input: {{ {person} }}) {{ {TOKENS} }} }}")
    if payload(answer)["tokens"] is not None:
        assert payload(answer)["tokens"]["refreshToken"] is None and cookie_of(answer).value
    given = f'input: {{ email: "bob@example.org", password: "{PASSWORD}" }}'
    document = f"mutation {{ a: signIn({given}) {{ {TOKENS} }} b: signIn({given}) {{ {TOKENS} }} }}"
    answer = await ask(client, document)
    first, last = answer.json()["data"].values()
    assert (first["tokens"]["refreshToken"], last["tokens"]["refreshToken"]) == (None, None)
    session = app.parts.refresh_tokens.session_of(cookie_of(answer).value)
    assert f"se_{session}" == last["viewer"]["session"]["id"] != first["viewer"]["session"]["id"]
    wrong = await client.http.post(
        f"{client.url}/graphql",
        json={"query": SIGN_IN, "variables": {"input": {"email": "bob@example.org", "password": "something else"}}},
        headers=COOKIE,
    )
    assert payload(wrong)["userErrors"] and "set-cookie" not in wrong.headers


async def test_the_end_of_the_own_session_empties_it_and_of_another_does_not(app: App, ada: Client) -> None:
    phone, other = await once_more(app, ada), await once_more(app, ada)
    sessions = {
        person.refresh_token: app.parts.refresh_tokens.session_of(str(person.refresh_token)) for person in (ada, phone)
    }
    revoking = f'mutation {{ revokeSession(id: "se_{sessions[phone.refresh_token]}") {{ revokedSessionIds }} }}'
    revoked = await ask(ada, revoking, cookie=ada.refresh_token)
    assert payload(revoked)["revokedSessionIds"] and "set-cookie" not in revoked.headers
    # A tab that knows of a session from before signs out of that one: the cookie is another's.
    assert "set-cookie" not in (await ask(other, SIGN_OUT, cookie=ada.refresh_token)).headers
    answer = await ask(ada, SIGN_OUT, cookie=ada.refresh_token)
    assert payload(answer)["revokedSessionIds"] == [f"se_{sessions[ada.refresh_token]}"]
    morsel = cookie_of(answer)
    assert (morsel.key, morsel.value, morsel["max-age"], morsel["path"]) == (NAME, "", "0", "/")
    assert morsel["secure"] and morsel["httponly"]


async def test_a_websocket_has_no_cookie(ada: Client) -> None:
    async with opened(ada) as socket:
        asked = {"query": "mutation { refreshSession { userErrors { code } } }"}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": asked}))
        assert '"REQUIRED"' in await socket.recv()


async def test_a_page_of_a_friend_may_ask_for_it_and_no_stranger(client: Client) -> None:
    async def asked(origin: str) -> httpx.Response:
        headers = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-leporello-session",
        }
        return await client.http.request("OPTIONS", f"{client.url}/graphql", headers=headers)

    welcome = await asked(FRIEND)
    assert welcome.status_code == 204
    assert "x-leporello-session" in welcome.headers["access-control-allow-headers"]
    assert welcome.headers["access-control-allow-credentials"] == "true"
    assert (await asked("https://evil.example")).status_code == 403


async def test_without_tls_it_is_an_ordinary_cookie_of_our_own_pages(town: tuple[App, Client]) -> None:
    app, client = town
    ada = await newcomer(app, client)
    headers = {**COOKIE, "cookie": f"leporello={ada.refresh_token}", "origin": client.url}
    answer = await client.http.post(f"{client.url}/graphql", json={"query": REFRESH_BY_COOKIE}, headers=headers)
    client.http.cookies.clear()
    morsel = cookie_of(answer)
    assert (morsel.key, morsel["secure"], morsel["httponly"], morsel["samesite"]) == ("leporello", "", True, "strict")
