"""People: signing up and in, and who they are to themselves."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import argon2
import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import event

from models.refusal import Invalid
from models.user import checked_email, checked_name
from resolvers.password import hashing
from server.app import App
from tests.client import PASSWORD, SIGN_IN, SIGN_UP, Answer, Client

VIEWER = "{ viewer { id email language user { id name isGuest } sessions { id } memberships { id } } }"
ONLY_ID = "{ viewer { id } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def client(town: tuple[App, Client], rows: Any) -> Client:
    """Nobody's client of a town where nobody lives yet."""
    await rows.execute("DELETE FROM users")
    return town[1]


@pytest_asyncio.fixture
async def rows(app: App) -> AsyncIterator[Any]:
    """The database, to look at what is there."""
    connection = await asyncpg.connect(app.parts.database.url)
    yield connection
    await connection.close()


async def people_in(rows: Any) -> list[str]:
    return [row["name"] for row in await rows.fetch("SELECT name FROM users ORDER BY id")]


async def sign_up(client: Client, **given: Any) -> Answer:
    """As Ada, but for what is said."""
    ada = {"name": "Ada", "email": "ada@example.org", "password": PASSWORD}
    return await client.ask(SIGN_UP, input=ada | given)


@contextmanager
def counting(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked of Postgres meanwhile, and whatever is hashed."""
    done: list[str] = []
    engine = app.parts.database.engine.sync_engine
    verify = argon2.PasswordHasher.verify

    def verified(hasher: argon2.PasswordHasher, hash: str, password: str) -> bool:
        done.append("argon2 " + hash.rpartition("p=")[0])
        return bool(verify(hasher, hash, password))

    def executed(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "casefold(" in statement or "INSERT" in statement:
            done.append(statement)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verified)
    event.listen(engine, "before_cursor_execute", executed)
    yield done
    event.remove(engine, "before_cursor_execute", executed)
    monkeypatch.undo()


async def test_who_signs_up_is_signed_in_with_what_they_gave(client: Client) -> None:
    device = {"name": "Kitchen", "platform": "APPLE"}
    signed = (await sign_up(client, name=" Ada ", email=" Ada@Example.ORG ", language="NL", device=device)).it
    expires = datetime.fromisoformat(signed["tokens"]["accessTokenExpiresAt"])
    assert 890 < (expires - datetime.now(UTC)).total_seconds() <= 900
    assert (signed["viewer"]["email"], signed["viewer"]["user"]["name"]) == ("Ada@example.org", "Ada")
    ada = replace(client, token=signed["tokens"]["accessToken"])
    assert (await ada.ask(VIEWER)).it == {
        "id": signed["viewer"]["id"],
        "email": "Ada@example.org",
        "language": "NL",
        "user": {"id": signed["viewer"]["user"]["id"], "name": "Ada", "isGuest": False},
        "sessions": [{"id": signed["viewer"]["session"]["id"]}],
        "memberships": [],
    }


BAD: list[tuple[str, dict[str, str]]] = [
    ("name", {"name": ""}),
    ("name", {"name": " \t "}),
    ("name", {"name": "A" * 101}),
    ("name", {"name": "A\nB"}),
    ("name", {"name": "A\x1bB"}),
    ("email", {"email": ""}),
    ("email", {"email": "ada"}),
    ("email", {"email": "ada@"}),
    ("email", {"email": "ada@example.org\nbcc: eve@example.org"}),
    ("email", {"email": f"{'a' * 250}@b.de"}),
    ("email", {"email": "a" * 900_000 + "@example.org"}),
    ("password", {"password": ""}),
    ("password", {"password": "1234567"}),
    ("password", {"password": "p" * 513}),
]


async def test_a_bad_value_is_told_by_its_field_and_makes_nobody(client: Client, rows: Any) -> None:
    for field, given in BAD:
        refused = await sign_up(client, **given)
        assert (refused.errors, refused.code, refused.path) == ([], "INVALID", ["input", field])
        assert refused.data == {"signUp": {"tokens": None, "viewer": None, "userErrors": refused.user_errors}}
    assert await people_in(rows) == []


def test_what_is_far_too_long_for_an_address_is_not_even_parsed() -> None:
    before = time.thread_time()
    for text in ("a" * 1_000_000, f"a@{'b.' * 400_000}", "é" * 300_000 + "@example.org"):
        with pytest.raises(Invalid):
            checked_email(text)
    # Parsing them takes half a second, for which everybody waits.
    assert time.thread_time() - before < 0.25


async def test_the_longest_and_the_shortest_values_are_taken(client: Client) -> None:
    long = await sign_up(client, name="𝒜" * 100, email=f"{'a' * 64}@example.org", password="🔑🗝🚪🏠" * 128)
    assert long.it["viewer"]["user"]["name"] == "𝒜" * 100
    assert (await sign_up(client, name="A", email="a@b.de", password="q7#Lw 2x")).it["viewer"]["email"] == "a@b.de"
    assert (await client.sign_in(f"{'a' * 64}@example.org", "🔑🗝🚪🏠" * 128)).user_id == long.it["viewer"]["user"]["id"]


async def test_a_device_is_named_or_nobody_is_made(client: Client, rows: Any) -> None:
    refused = await sign_up(client, device={"name": " ", "platform": "APPLE"})
    assert (refused.code, refused.path) == ("INVALID", ["input", "device", "name"])
    unknown = await sign_up(client, device={"name": "Fridge", "platform": "FRIDGE"})
    assert (unknown.code, unknown.data) == ("BAD_USER_INPUT", None)
    assert await people_in(rows) == []


async def test_nul_is_no_mistake_of_ours(client: Client, rows: Any) -> None:
    for literal in (
        r'name: "a\u0000b", email: "ada@example.org", password: "a long password"',
        r'name: "Ada", email: "a\u0000b@example.org", password: "a long password"',
        r'name: "Ada", email: "ada@example.org", password: "a\u0000 long password"',
    ):
        refused = await client.ask(f"mutation {{ signUp(input: {{ {literal} }}) {{ userErrors {{ code }} }} }}")
        assert (refused.code, refused.data) == ("BAD_USER_INPUT", None)
    assert (await sign_up(client, name="a\0b")).code == "BAD_USER_INPUT"
    assert await people_in(rows) == []
    with pytest.raises(Invalid):
        checked_name("a\0b")


async def test_a_confirmed_address_has_one_account_whatever_its_capitals_and_its_script(
    client: Client, rows: Any
) -> None:
    assert (await sign_up(client, email="Émile@bücher.example")).it
    await rows.execute("UPDATE users SET email_verified_at = now()")
    for same in ("ÉMILE@BÜCHER.EXAMPLE", "émile@xn--bcher-kva.example", "E\u0301mile@bu\u0308cher.example"):
        taken = await sign_up(client, name="Eve", email=same)
        assert (taken.code, taken.path) == ("TAKEN", ["input", "email"])
        assert (await client.sign_in(same, PASSWORD)).email == "Émile@bücher.example"
    assert await people_in(rows) == ["Ada"]
    assert (await sign_up(client, name="Eve", email="emile@bücher.example")).it
    # A final sigma is a sigma.
    assert (await sign_up(client, name="Nikos", email="νικος@example.org")).it
    await rows.execute("UPDATE users SET email_verified_at = now()")
    assert (await sign_up(client, name="Nikos", email="ΝΙΚΟΣ@example.org")).code == "TAKEN"


async def test_what_follows_in_a_document_is_answered_as_to_who_came_in_last(client: Client) -> None:
    ada, ben = await client.sign_up("Ada"), await client.sign_up("Ben")
    for person, title in ((ada, "Ada's"), (ben, "Ben's")):
        book = "mutation Create($t: String!) { createBook(input: { title: $t }) { book { id } userErrors { code } } }"
        assert (await person.ask(book, t=title)).it["book"]
    both = """
    mutation Both($a: SignInInput!, $b: SignInInput!) {
      first: signIn(input: $a) { ...In }
      second: signIn(input: $b) { ...In }
    }
    fragment In on AuthPayload { viewer { email memberships { role book { title viewerRole owner { name } } } } }
    """
    signed = await client.ask(
        both, a={"email": ada.email, "password": PASSWORD}, b={"email": ben.email, "password": PASSWORD}
    )

    def seen(name: str, email: str) -> dict[str, Any]:
        book = {"title": f"{name}'s", "viewerRole": "OWNER", "owner": {"name": name}}
        return {"viewer": {"email": email, "memberships": [{"role": "OWNER", "book": book}]}}

    assert signed.errors == []
    assert signed.data == {"first": seen("Ada", ada.email), "second": seen("Ben", ben.email)}


async def test_nobody_has_no_viewer_and_a_bad_token_is_told(client: Client) -> None:
    nobody = await client.ask(ONLY_ID)
    assert (nobody.data, nobody.errors) == ({"viewer": None}, [])
    refused = await replace(client, token="not.a.token").ask(ONLY_ID)
    assert (refused.data, refused.code) == ({"viewer": None}, "UNAUTHENTICATED")


async def test_when_too_many_wait_for_a_hash_nobody_is_made_or_let_in(
    client: Client, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(client)
    monkeypatch.setattr(hashing, "WAITING_LIMIT", 0)
    busy = await sign_up(client, name="Ben", email="ben@example.org")
    assert (busy.code, busy.data) == ("UNAVAILABLE", {"signUp": None})
    busy = await client.ask(SIGN_IN, input={"email": "ada@example.org", "password": PASSWORD})
    assert (busy.code, busy.data) == ("UNAVAILABLE", {"signIn": None})
    assert await people_in(rows) == ["Ada"]
    assert await rows.fetchval("SELECT count(*) FROM sessions") == 1


async def test_the_sessions_of_who_is_gone_are_over(client: Client, rows: Any, app: App) -> None:
    ada, ben = await client.sign_up("Ada"), await client.sign_up("Ben")
    await rows.execute("DELETE FROM users WHERE name = 'Ada'")
    assert (await ada.ask(ONLY_ID)).code == "UNAUTHENTICATED"
    refresh = (
        "mutation R($t: String) { refreshSession(refreshToken: $t) { tokens { accessToken } userErrors { code } } }"
    )
    assert (await client.ask(refresh, t=ada.refresh_token)).code == "EXPIRED"
    wrong = await client.ask(SIGN_IN, input={"email": ada.email, "password": PASSWORD})
    assert wrong.code == "WRONG_CREDENTIALS"
    # A process notices by itself, at its next look, whatever the token is used for.
    await app.parts.revocations._look()
    assert (await ada.ask("{ books { totalCount } }")).code == "UNAUTHENTICATED"
    assert (await ben.ask("{ books { totalCount } }")).it == {"totalCount": 0}
