"""Sessions: begun, renewed, listed and ended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from models.columns import now
from models.session import ACCESS_LIFETIME, REFRESH_GRACE
from resolvers.keyring import Keyring
from resolvers.session import beginning
from resolvers.token import RefreshTokens, hash_of
from server.app import App
from tests.client import PASSWORD, REFRESH, SIGN_IN, SIGN_OUT, Answer, Client
from tests.people import somebody
from tests.sockets import close_code, is_alive, opened, opening, until

VIEWER = "{ viewer { email } }"
SESSIONS = """
{
  viewer {
    session { id }
    sessions { id current device { name platform } ipAddress userAgent createdAt lastSeenAt expiresAt }
  }
}
"""
REVOKE = "mutation Revoke($id: ID!) { revokeSession(id: $id) { revokedSessionIds userErrors { code } } }"
TOKENS = "refresh_tokens JOIN sessions s ON s.id = session_id"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


@pytest_asyncio.fixture
async def ada(client: Client) -> Client:
    return await client.sign_up(f"Ada{uuid4().hex}")


@pytest_asyncio.fixture
async def rows(app: App) -> AsyncIterator[Any]:
    """The database, to look at what is there."""
    connection = await asyncpg.connect(app.parts.database.url)
    yield connection
    await connection.close()


async def count(rows: Any, person: Client, table: str, condition: str = "true") -> int:
    """How many rows of theirs there are."""
    asked = f"SELECT count(*) FROM {table} WHERE s.user_id = $1 AND {condition}"
    return int(await rows.fetchval(asked, uuid(person.user_id)))


def uuid(id: str) -> UUID:
    return UUID(id[3:])


async def refresh(client: Client, token: str | None) -> Answer:
    return await client.ask(REFRESH, token=token)


def renewed(client: Client, answer: Answer) -> Client:
    tokens = answer.it["tokens"]
    return replace(client, token=tokens["accessToken"], refresh_token=tokens["refreshToken"])


def is_out(client: Client) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return (await client.ask(VIEWER)).code == "UNAUTHENTICATED"

    return asked


async def test_a_retry_within_the_grace_gets_the_same_pair_and_the_old_token_is_then_over(
    ada: Client, rows: Any
) -> None:
    first = (await refresh(ada, ada.refresh_token)).it
    again = (await refresh(ada, ada.refresh_token)).it
    assert again["tokens"] == first["tokens"]
    # The same, and not merely one of the same second.
    await rows.execute(
        "UPDATE refresh_tokens SET issued_at = issued_at - interval '3 seconds' WHERE hash = $1",
        hash_of(first["tokens"]["refreshToken"]),
    )
    earlier = (await refresh(ada, ada.refresh_token)).it["tokens"]["accessTokenExpiresAt"]
    expires = datetime.fromisoformat(first["tokens"]["accessTokenExpiresAt"])
    assert datetime.fromisoformat(earlier) == expires - timedelta(seconds=3)
    assert first["tokens"]["refreshToken"] != ada.refresh_token
    assert first["viewer"]["session"]["current"] and first["viewer"]["email"] == ada.email
    assert await count(rows, ada, TOKENS) == 2
    # No token is kept as it is.
    kept = {
        bytes(row["hash"])
        for row in await rows.fetch(f"SELECT hash FROM {TOKENS} WHERE user_id = $1", uuid(ada.user_id))
    }
    assert kept == {hash_of(str(ada.refresh_token)), hash_of(first["tokens"]["refreshToken"])}


async def test_of_a_hundred_refreshes_at_once_all_get_the_one_successor(ada: Client, rows: Any) -> None:
    # The first are held until several stand at the same row, so that they cannot come one after the other.
    async with rows.transaction():
        await rows.fetch("SELECT FROM sessions WHERE user_id = $1 FOR UPDATE", uuid(ada.user_id))
        first = asyncio.gather(*(refresh(ada, ada.refresh_token) for _ in range(8)))
        await until(partial(_are_waiting, rows, 5), within=30)
    others = await asyncio.gather(*(refresh(ada, ada.refresh_token) for _ in range(92)))
    # A slow machine may have no connection for all of them in time; it then says so.
    assert {answer.code for answer in others} <= {None, "UNAVAILABLE"}
    answers = [*await first, *(answer for answer in others if answer.code is None)]
    pairs = {(answer.it["tokens"]["accessToken"], answer.it["tokens"]["refreshToken"]) for answer in answers}
    assert len(pairs) == 1
    assert await count(rows, ada, TOKENS) == 2
    assert (await renewed(ada, answers[0]).ask(VIEWER)).it == {"email": ada.email}
    assert await count(rows, ada, "sessions s", "revoked_at IS NULL") == 1


async def _are_waiting(rows: Any, at_least: int) -> bool:
    # Not pg_stat_activity, which stays as it is within a transaction.
    return int(await rows.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")) >= at_least


async def test_a_token_used_again_after_its_successor_was_ends_the_session_and_its_sockets(ada: Client) -> None:
    stolen = ada.refresh_token
    child = renewed(ada, await refresh(ada, stolen))
    grandchild = renewed(child, await refresh(child, child.refresh_token))
    async with opened(grandchild) as socket:
        refused = await refresh(ada, stolen)
        assert (refused.code, refused.path, refused.errors) == ("EXPIRED", ["refreshToken"], [])
        assert refused.data == {"refreshSession": {"tokens": None, "viewer": None, "userErrors": refused.user_errors}}
        assert await close_code(socket) == 4401
    assert (await grandchild.ask(VIEWER)).code == "UNAUTHENTICATED"
    assert (await refresh(grandchild, grandchild.refresh_token)).code == "EXPIRED"


async def test_a_token_used_again_after_its_grace_ends_the_session(ada: Client, rows: Any) -> None:
    child = renewed(ada, await refresh(ada, ada.refresh_token))
    back = "UPDATE refresh_tokens SET used_at = used_at - $1::interval WHERE hash = $2"
    await rows.execute(back, REFRESH_GRACE - timedelta(seconds=5), hash_of(str(ada.refresh_token)))
    assert (await refresh(ada, ada.refresh_token)).it
    await rows.execute(back, timedelta(seconds=6), hash_of(str(ada.refresh_token)))
    assert (await refresh(ada, ada.refresh_token)).code == "EXPIRED"
    # It was refused, and committed all the same.
    assert await count(rows, ada, "sessions s", "revoked_at IS NOT NULL") == 1
    assert (await refresh(child, child.refresh_token)).code == "EXPIRED"
    assert (await child.ask(VIEWER)).code == "UNAUTHENTICATED"


async def test_a_reuse_is_noticed_too_when_the_secret_has_changed_since(
    ada: Client, app: App, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refresh(ada, ada.refresh_token)
    another = RefreshTokens(Keyring("another"))
    monkeypatch.setattr(app.parts.refresh_tokens, "_peppers", another._peppers)
    monkeypatch.setattr(app.parts.refresh_tokens, "_seals", another._seals)
    assert (await refresh(ada, ada.refresh_token)).code == "EXPIRED"
    assert await count(rows, ada, TOKENS) == 2
    assert await count(rows, ada, "sessions s", "revoked_at IS NOT NULL") == 1


async def test_a_token_that_nobody_has_is_over_and_none_is_required(ada: Client) -> None:
    for token in ("", "unknown", "x" * 500_000, "ünknown", ada.token):
        refused = await refresh(ada, token)
        assert (refused.code, refused.path) == ("EXPIRED", ["refreshToken"])
    missing = await refresh(ada, None)
    assert (missing.code, missing.path) == ("REQUIRED", ["refreshToken"])
    assert (await ada.ask(VIEWER)).it == {"email": ada.email}


async def test_a_session_that_is_not_renewed_expires(ada: Client, rows: Any) -> None:
    await rows.execute("UPDATE sessions SET expires_at = now() WHERE user_id = $1", uuid(ada.user_id))
    assert (await refresh(ada, ada.refresh_token)).code == "EXPIRED"
    assert await count(rows, ada, TOKENS, "used_at IS NOT NULL") == 0


async def test_whoever_brings_an_expired_token_can_still_sign_in_and_refresh(ada: Client, app: App) -> None:
    user, session_id = (uuid(id) for id in (ada.user_id, (await ada.ask(SESSIONS)).it["session"]["id"]))
    expired, _ = app.parts.tokens.issue(user, session_id, now() - 2 * ACCESS_LIFETIME)
    late = replace(ada, token=expired)
    assert (await late.ask(VIEWER)).code == "UNAUTHENTICATED"
    assert (await late.ask(SIGN_IN, input={"email": ada.email, "password": PASSWORD})).it["viewer"][
        "email"
    ] == ada.email
    assert (await refresh(late, ada.refresh_token)).it["viewer"]["session"]["id"] == f"se_{session_id}"
    assert (await replace(ada, token="rubbish").sign_in(ada.email, PASSWORD)).user_id == ada.user_id
    assert (await late.ask(SIGN_OUT)).code == "UNAUTHENTICATED"


async def test_the_viewer_sees_their_sessions_newest_first_with_what_they_run_on(client: Client, ada: Client) -> None:
    device = {"name": "Kitchen", "platform": "APPLE"}
    headers = {"user-agent": "Fridge/1.0 " + "x" * 5_000}
    body = {"query": SIGN_IN, "variables": {"input": {"email": ada.email, "password": PASSWORD, "device": device}}}
    answer = (await client.http.post(f"{client.url}/graphql", json=body, headers=headers)).json()
    kitchen = replace(ada, token=answer["data"]["signIn"]["tokens"]["accessToken"])
    seen = (await kitchen.ask(SESSIONS)).it
    newest, oldest = seen["sessions"]
    assert seen["session"] == {"id": newest["id"]}
    assert (newest["current"], oldest["current"]) == (True, False)
    assert (newest["device"], oldest["device"]) == (device, None)
    assert newest["ipAddress"] == "127.0.0.1"
    assert newest["userAgent"] == headers["user-agent"][:500]
    moments = [datetime.fromisoformat(newest[name]) for name in ("createdAt", "lastSeenAt", "expiresAt")]
    assert moments[0] == moments[1] and moments[2] - moments[0] == timedelta(days=60)
    assert [each["current"] for each in (await ada.ask(SESSIONS)).it["sessions"]] == [False, True]


async def test_signing_out_ends_this_session_at_once_and_no_other(ada: Client, rows: Any) -> None:
    phone = await ada.sign_in(ada.email, PASSWORD)
    id = (await phone.ask(SESSIONS)).it["session"]["id"]
    async with opened(phone) as socket, opened(ada) as other:
        assert (await phone.ask(SIGN_OUT)).it == {"revokedSessionIds": [id], "userErrors": []}
        assert (await phone.ask(VIEWER)).code == "UNAUTHENTICATED"
        assert await close_code(socket) == 4401
        assert await is_alive(other)
    assert (await phone.ask(SIGN_OUT)).code == "UNAUTHENTICATED"
    assert (await refresh(phone, phone.refresh_token)).code == "EXPIRED"
    async with opening(phone) as late:
        assert await close_code(late) == 4401
    assert [each["current"] for each in (await ada.ask(SESSIONS)).it["sessions"]] == [True]
    assert await count(rows, ada, "sessions s", "revoked_at IS NOT NULL") == 1


async def test_what_stands_behind_a_sign_out_in_a_document_is_not_done(ada: Client, rows: Any) -> None:
    document = """
    mutation Both { signOut { revokedSessionIds } createBook(input: { title: "Late" }) { book { id } } }
    """
    answer = await ada.ask(document)
    assert answer.code == "UNAUTHENTICATED" and answer.data
    assert len(answer.data["signOut"]["revokedSessionIds"]) == 1 and answer.data["createBook"] is None
    assert await rows.fetchval("SELECT count(*) FROM books WHERE title = 'Late'") == 0


async def test_of_two_who_sign_out_at_once_one_finds_it_done(ada: Client) -> None:
    answers = await asyncio.gather(*(ada.ask(SIGN_OUT) for _ in range(8)))
    assert sorted(str(answer.code) for answer in answers) == ["None", *["UNAUTHENTICATED"] * 7]


async def test_one_can_end_ones_other_session_and_nobody_elses(
    app: App, client: Client, ada: Client, rows: Any
) -> None:
    phone, eve = await ada.sign_in(ada.email, PASSWORD), await somebody(app, client, f"Eve{uuid4().hex}")
    phones = (await phone.ask(SESSIONS)).it["session"]["id"]
    refused = [
        await eve.ask(REVOKE, id=phones),
        await eve.ask(REVOKE, id=f"se_{uuid4()}"),
        await eve.ask(REVOKE, id="se_'; DROP TABLE sessions; --"),
        await eve.ask(REVOKE, id=f"us_{phones[3:]}"),
    ]
    assert {answer.code for answer in refused} == {"NOT_FOUND"}
    # What is another's and what is nothing are told in the same words.
    assert [answer.errors for answer in refused] == [refused[0].errors] * 4
    assert [answer.data for answer in refused] == [{"revokeSession": None}] * 4
    for id in (phones, "rubbish"):
        assert (await client.ask(REVOKE, id=id)).code == "UNAUTHENTICATED"
    assert (await phone.ask(VIEWER)).it == {"email": ada.email}
    assert await count(rows, ada, "sessions s", "revoked_at IS NOT NULL") == 0

    assert (await ada.ask(REVOKE, id=phones)).it == {"revokedSessionIds": [phones], "userErrors": []}
    assert (await phone.ask(VIEWER)).code == "UNAUTHENTICATED"
    assert (await ada.ask(REVOKE, id=phones)).code == "NOT_FOUND"
    assert len((await ada.ask(SESSIONS)).it["sessions"]) == 1


async def test_a_stranger_finds_no_session_by_its_id(app: App, client: Client, ada: Client) -> None:
    eve = await somebody(app, client, f"Eve{uuid4().hex}")
    id = (await ada.ask(SESSIONS)).it["session"]["id"]
    node = "query Node($id: ID!) { node(id: $id) { id } }"
    assert (await ada.ask(node, id=id)).it == {"id": id}
    assert (await eve.ask(node, id=id)).data == {"node": None}
    assert (await client.ask(node, id=id)).data == {"node": None}


async def test_one_session_too_many_ends_the_one_used_longest_ago(
    ada: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "SESSIONS_LIMIT", 2)
    second = await ada.sign_in(ada.email, PASSWORD)
    ada = renewed(ada, await refresh(ada, ada.refresh_token))
    third = await ada.sign_in(ada.email, PASSWORD)
    await until(is_out(second))
    assert (await refresh(second, second.refresh_token)).code == "EXPIRED"
    assert len((await ada.ask(SESSIONS)).it["sessions"]) == 2
    assert (await third.ask(VIEWER)).it == {"email": ada.email}


async def test_a_socket_ends_when_its_token_does(ada: Client, app: App) -> None:
    user, session_id = (uuid(id) for id in (ada.user_id, (await ada.ask(SESSIONS)).it["session"]["id"]))
    short, expires_at = app.parts.tokens.issue(user, session_id, now() - ACCESS_LIFETIME + timedelta(seconds=2))
    async with opened(ada, short) as socket:
        assert await close_code(socket, within=3) == 4403
        assert timedelta(0) <= now() - expires_at < timedelta(seconds=1)
    expired, _ = app.parts.tokens.issue(user, session_id, now() - 2 * ACCESS_LIFETIME)
    async with opening(ada, expired) as late:
        assert await close_code(late) == 4403
    async with opening(ada, "rubbish") as false:
        assert await close_code(false) == 4401


async def test_a_session_ends_by_the_clock_of_postgres(ada: Client, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes look for what ended lately: a wrong clock here must not hide it from them."""
    monkeypatch.setattr("resolvers.context.now", lambda: now() - timedelta(hours=1))
    assert (await ada.ask(SIGN_OUT)).it
    age = await rows.fetchval("SELECT now() - revoked_at FROM sessions WHERE user_id = $1", uuid(ada.user_id))
    assert timedelta(0) <= age < timedelta(seconds=10)
