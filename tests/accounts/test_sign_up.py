"""Signing up: with a password that can be one, and an address that nobody has confirmed."""

import asyncio
from typing import Any

import pytest

from models import Purpose
from server.app import App
from tests.accounts.asking import (
    ADDRESS,
    BEGIN,
    DONE,
    OTHER,
    VERIFY,
    confirm,
    events,
    fresh,
    link,
    owed,
    sign_in,
    sign_up,
    sql,
    uuid,
    who,
)
from tests.client import PASSWORD, SIGN_UP, Client


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


async def test_who_signs_up_is_in_and_asked_by_mail_to_confirm_the_address(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    assert (await ada.ask(ADDRESS)).it == {"email": ada.email, "emailVerified": False}
    assert await events(app, ada) == ["SIGNED_UP", "SIGNED_IN"]
    assert await owed(app, ada) == [("mail.verification", None)]


@pytest.mark.parametrize(
    ("password", "because"),
    [
        ("password1", "tried first"),
        ("PassWord1 ", "tried first"),
        ("Ada Lovelace", "own name or address"),
        ("ada lovelace", "own name or address"),
        ("Ada.Lovelace@Example.org", "own name or address"),
        ("ada.lovelace", "own name or address"),
        ("12345678901", "tried first"),
        ("98765432109876", "tried first"),
        ("efghijklmnop", "tried first"),
        ("vvvvvvvvvvvvvvv", "tried first"),
        ("vqzvqzqzvvqzvv", "tried first"),
        ("1234567", "8 to 512 characters"),
        ("        a", "blanks around it"),
        ("x" * 513, "8 to 512 characters"),
    ],
)
async def test_a_password_that_anybody_would_try_first_makes_nobody(
    app: App, client: Client, password: str, because: str
) -> None:
    given = {"name": "Ada Lovelace", "email": "Ada.Lovelace@example.org", "password": password}
    refused = await client.ask(SIGN_UP, input=given)
    assert (refused.code, refused.path) == ("INVALID", ["input", "password"])
    assert because in refused.user_errors[0]["message"]
    assert not await sql(app, "SELECT 1 FROM users WHERE email ILIKE 'ada.lovelace@%'")


async def test_all_that_is_wrong_is_told_at_once_and_nothing_is_hashed(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.parts.passwords, "_hasher", None)
    given = {"name": " ", "email": "nowhere", "device": {"name": "", "platform": "OTHER"}}
    for password, because in (("short", "8 to 512"), ("password1", "tried first"), ("nowhere ", "8 characters")):
        refused = await client.ask(SIGN_UP, input=given | {"password": password})
        said = {tuple(error["path"][1:]): (error["code"], error["message"]) for error in refused.user_errors}
        assert said.keys() == {("name",), ("email",), ("password",), ("device", "name")}
        assert len(refused.user_errors) == 4 and {code for code, _ in said.values()} == {"INVALID"}
        assert because in said[("password",)][1]
    # What can be, is not told of.
    refused = await client.ask(SIGN_UP, input=given | {"password": PASSWORD, "email": fresh(), "name": "Ada"})
    assert [error["path"] for error in refused.user_errors] == [["input", "device", "name"]]


async def test_a_squatter_cannot_keep_an_address_from_its_owner(app: App, client: Client) -> None:
    email = fresh()
    squatter = await sign_up(client, email, "Eve", "a squatter's password")
    owner = await sign_up(client, email.upper())
    # Who came first signs in, while nobody has shown whose the address is; the owner has a session, and the mail.
    assert await who(client, email) is None
    assert await who(client, email, "a squatter's password") == squatter.user_id
    theirs = await link(app, squatter, Purpose.VERIFY)

    await confirm(app, owner)
    assert (await owner.ask(ADDRESS)).it["emailVerified"] is True
    assert (await squatter.ask(ADDRESS)).it == {"email": None, "emailVerified": False}
    assert await who(client, email) == owner.user_id
    assert await who(client, email, "a squatter's password") is None
    dead = await client.ask(VERIFY, token=theirs)
    assert (dead.code, dead.path) == ("EXPIRED", ["token"])
    assert (await events(app, squatter))[-1] == "EMAIL_LOST"
    # Where the owner came from is nothing to them.
    [row] = await sql(
        app, "SELECT ip_address FROM security_events WHERE user_id = $1 AND kind = 'EMAIL_LOST'", uuid(squatter)
    )
    assert row["ip_address"] is None


async def test_an_address_that_is_confirmed_is_taken_whatever_its_capitals(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    taken = await client.ask(SIGN_UP, input={"name": "Eve", "email": ada.email.upper(), "password": PASSWORD})
    assert (taken.code, taken.path) == ("TAKEN", ["input", "email"])
    words = "There is an account with this address. Sign in, or set a new password by mail."
    assert taken.user_errors[0]["message"] == words
    [row] = await sql(app, "SELECT count(*) FROM users WHERE lower(email) = $1", ada.email)
    assert row["count"] == 1


async def test_a_sign_up_whose_answer_was_lost_is_sent_again(app: App, client: Client) -> None:
    email = fresh()
    eve = await sign_up(client, email, "Eve", OTHER)
    ada = await sign_up(client, email)
    again = await sign_up(client, email.upper(), "Ada")
    assert again.user_id == ada.user_id != eve.user_id and again.token != ada.token
    # Again at the same moment, too.
    other = fresh()
    given = {"name": "Ben", "email": other, "password": PASSWORD}
    answers = await asyncio.gather(*(client.ask(SIGN_UP, input=given) for _ in range(4)))
    assert len({answer.it["viewer"]["user"]["id"] for answer in answers}) == 1
    rows = await sql(app, "SELECT email FROM users WHERE lower(email) = ANY($1)", [email, other])
    assert len(rows) == 3


async def test_a_sign_up_is_no_way_to_guess_a_password(app: App, client: Client) -> None:
    for email in (fresh(), (await sign_up(client, fresh())).email):
        await sql(app, "DELETE FROM attempts")
        given = [{"name": "Eve", "email": email, "password": f"{OTHER} {number}"} for number in range(11)]
        codes = [(await client.ask(SIGN_UP, input=each)).code for each in given]
        # As many of an address that nobody has.
        assert codes == [None] * 10 + ["LOCKED"]
        assert (await client.ask(SIGN_UP, input=given[9])).code == "LOCKED"
        assert (await sign_in(client, email)).code == "LOCKED"
    # What is refused for something else was not compared, or is told anyway.
    await sql(app, "DELETE FROM attempts")
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    await sql(app, "DELETE FROM attempts")
    assert (await client.ask(SIGN_UP, input={"name": "Eve", "email": ada.email, "password": OTHER})).code == "TAKEN"
    assert not await sql(app, "SELECT FROM attempts")


async def test_of_twenty_who_confirm_and_sign_up_at_once_one_owns_the_address(app: App, client: Client) -> None:
    email = fresh()
    people = [await sign_up(client, email, f"Ada{number}", f"{PASSWORD} {number}") for number in range(8)]
    await sql(app, "DELETE FROM attempts")
    tokens = [await link(app, person, Purpose.VERIFY) for person in people]
    asked: list[Any] = []
    for number, token in enumerate(tokens):
        asked += [client.ask(VERIFY, token=token), client.ask(BEGIN, input=_new(email, number))]
    answers = await asyncio.gather(*asked)
    confirmations, beginnings = answers[::2], answers[1::2]
    assert sorted(str(answer.code) for answer in confirmations) == ["EXPIRED"] * 7 + ["None"]
    assert {answer.code for answer in beginnings} <= {None, "TAKEN"}
    rows = await sql(app, "SELECT email, email_verified_at FROM users WHERE lower(email) = $1", email)
    assert len(rows) == 1 and rows[0]["email_verified_at"] is not None


async def test_an_owner_is_one_by_the_database(app: App, client: Client) -> None:
    email = fresh()
    ada, eve = await sign_up(client, email), await sign_up(client, email.upper(), "Eve", OTHER)
    await confirm(app, ada)
    with pytest.raises(Exception, match="users_confirmed_email_is_one"):
        await sql(app, "UPDATE users SET email = $2, email_verified_at = now() WHERE id = $1", uuid(eve), email.upper())


def _new(email: str, number: int) -> dict[str, str]:
    return {"name": f"Late{number}", "email": email, "password": f"{PASSWORD} of Late{number}"}


async def test_confirming_twice_is_no_mistake(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    token = await link(app, ada, Purpose.VERIFY)
    assert (await client.ask(VERIFY, token=token)).it == DONE
    again = await client.ask(VERIFY, token=token)
    assert (again.code, again.path) == ("EXPIRED", ["token"])
    assert (await ada.ask(ADDRESS)).it["emailVerified"] is True
