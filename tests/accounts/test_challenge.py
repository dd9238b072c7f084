"""The states of a sign-in: none can be passed by, none can be tried for ever, and each waits for one answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from models import Purpose
from models.sign_in import WAITING_LIMIT
from server.app import App
from server.settings import Settings
from tests.accounts.asking import (
    BEGIN,
    CHANGE_PASSWORD,
    COMPLETE,
    ENTER,
    OTHER,
    REQUEST_RESET,
    RESET,
    confirm,
    events,
    fresh,
    link,
    owed,
    sign_up,
    sql,
    uuid,
    who,
)
from tests.accounts.guarded import Guarded
from tests.client import PASSWORD, Answer, Client
from tests.running import served


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


async def challenged(client: Client, email: str, kind: str, password: str = PASSWORD) -> str:
    payload = (await client.ask(ENTER, input={"email": email, "password": password})).it
    assert payload["tokens"] is None and payload["viewer"] is None and payload["challenge"]["kind"] == kind
    return str(payload["challenge"]["challengeToken"])


async def complete(client: Client, token: str, **given: str) -> Answer:
    return await client.ask(COMPLETE, input={"challengeToken": token, **given})


async def temporary(app: App, person: Client) -> None:
    await sql(app, "UPDATE users SET password_is_temporary = true WHERE id = $1", uuid(person))


async def sessions(app: App, person: Client) -> int:
    [row] = await sql(app, "SELECT count(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL", uuid(person))
    return int(row["count"])


async def test_a_temporary_password_is_replaced_before_there_is_a_session(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await temporary(app, ada)
    token = await challenged(client, ada.email, "NEW_PASSWORD")
    for given, code in (
        ({}, "REQUIRED"),
        ({"code": "123456"}, "REQUIRED"),
        ({"newPassword": "password1"}, "INVALID"),
        ({"newPassword": ada.email}, "INVALID"),
        # Nor the one that somebody else knows.
        ({"newPassword": PASSWORD}, "INVALID"),
    ):
        refused = await complete(client, token, **given)
        assert (refused.code, refused.path) == (code, ["input", "newPassword"])
    before = await sessions(app, ada)
    signed = (await complete(client, token, newPassword=OTHER)).it
    assert signed["viewer"]["user"]["id"] == ada.user_id
    # What was opened with the old one is over.
    assert (before, await sessions(app, ada)) == (1, 1)
    assert await who(client, ada.email) is None
    assert await who(client, ada.email, OTHER) == ada.user_id
    assert "PASSWORD_CHANGED" in await events(app, ada)
    over = await complete(client, token, newPassword="one more long password")
    assert (over.code, over.path) == ("EXPIRED", ["input", "challengeToken"])


async def test_the_second_factor_comes_before_a_new_password_and_each_step_has_a_token_of_its_own(
    app: App, client: Client
) -> None:
    ada = await Guarded.made(app, client)
    await temporary(app, ada.client)
    first = await challenged(client, ada.client.email, "TOTP")
    # A password is no answer to the question for a code.
    refused = await complete(client, first, newPassword=OTHER)
    assert (refused.code, refused.path) == ("REQUIRED", ["input", "code"])
    step = (await complete(client, first, code=ada.authenticator.code())).it
    assert step["tokens"] is None and step["challenge"]["kind"] == "NEW_PASSWORD"
    second = step["challenge"]["challengeToken"]
    assert (await complete(client, first, newPassword=OTHER)).code == "EXPIRED"
    assert (await complete(client, second, newPassword=OTHER)).it["tokens"]
    assert await sessions(app, ada.client) == 1


async def test_a_reset_still_asks_for_the_second_factor_and_has_ended_what_was_there(app: App, client: Client) -> None:
    ada = await Guarded.made(app, client)
    waiting = await challenged(client, ada.client.email, "TOTP")
    token = await link(app, ada.client, Purpose.RESET)
    payload = (await client.ask(RESET, input={"token": token, "newPassword": OTHER})).it
    assert payload["tokens"] is None and payload["challenge"]["kind"] == "TOTP"
    assert await sessions(app, ada.client) == 0
    # A sign-in that has begun with the old password goes no further.
    assert (await complete(client, waiting, code=ada.authenticator.code())).code == "EXPIRED"
    assert (await complete(client, payload["challenge"]["challengeToken"], code=ada.authenticator.code())).it["tokens"]


async def test_a_sign_in_that_waits_is_over_when_the_password_changes(app: App, client: Client) -> None:
    ada = await Guarded.made(app, client)
    waiting = await challenged(client, ada.client.email, "TOTP")
    given = {"currentPassword": PASSWORD, "newPassword": OTHER}
    assert (await ada.client.ask(CHANGE_PASSWORD, input=given)).it["viewer"]
    assert (await complete(client, waiting, code=ada.authenticator.code())).code == "EXPIRED"


async def test_wrong_codes_end_the_sign_in_and_right_ones_are_good_for_one_session(app: App, client: Client) -> None:
    ada = await Guarded.made(app, client)
    token = await challenged(client, ada.client.email, "TOTP")
    codes = [(await complete(client, token, code="000000")).code for _ in range(6)]
    assert codes == ["WRONG_CREDENTIALS"] * 5 + ["EXPIRED"]
    token = await challenged(client, ada.client.email, "TOTP")
    before, code = await sessions(app, ada.client), ada.authenticator.code()
    answers = await asyncio.gather(*(complete(client, token, code=code) for _ in range(10)))
    assert sorted(str(answer.code) for answer in answers) == ["EXPIRED"] * 9 + ["None"]
    assert await sessions(app, ada.client) == before + 1


async def test_a_sign_in_waits_for_a_quarter_of_an_hour_and_few_wait_at_once(app: App, client: Client) -> None:
    ada = await Guarded.made(app, client)
    tokens = [await challenged(client, ada.client.email, "TOTP") for _ in range(WAITING_LIMIT + 1)]
    [row] = await sql(app, "SELECT count(*), max(expires_at - created_at) AS life FROM sign_ins")
    assert (row["count"], row["life"].total_seconds()) == (WAITING_LIMIT, 15 * 60)
    assert (await complete(client, tokens[0], code=ada.authenticator.code())).code == "EXPIRED"
    await sql(app, "UPDATE sign_ins SET expires_at = now()")
    assert (await complete(client, tokens[-1], code=ada.authenticator.code())).code == "EXPIRED"
    for token in ("", "x" * 500_000, "ünknown"):
        refused = await complete(client, token, newPassword=OTHER)
        assert (refused.code, refused.path) == ("EXPIRED", ["input", "challengeToken"])


async def test_an_account_that_is_disabled_between_two_steps_lets_nobody_in(app: App, client: Client) -> None:
    ada = await Guarded.made(app, client)
    token = await challenged(client, ada.client.email, "TOTP")
    before = await sessions(app, ada.client)
    await sql(app, "UPDATE users SET disabled_at = now() WHERE id = $1", ada.id)
    assert (await complete(client, token, code=ada.authenticator.code())).code == "FORBIDDEN"
    assert await sessions(app, ada.client) == before


@pytest_asyncio.fixture
async def strict(settings: Settings) -> AsyncIterator[tuple[App, Client]]:
    """A house where an address has to be confirmed before its owner gets in; and nobody's client of it."""
    async with (
        served(settings.model_copy(update={"verified_to_sign_in": True})) as (app, url),
        httpx.AsyncClient(timeout=30) as http,
    ):
        yield app, Client(http, url)


async def test_where_it_is_asked_for_nobody_gets_in_before_the_address_is_confirmed(
    strict: tuple[App, Client],
) -> None:
    app, client = strict
    email = fresh()
    begun = (await client.ask(BEGIN, input={"name": "Ada", "email": email, "password": PASSWORD})).it
    assert (begun["tokens"], begun["viewer"], begun["challenge"]["kind"]) == (None, None, "VERIFY_EMAIL")
    token = begun["challenge"]["challengeToken"]
    ada = await _of(app, client, email)
    assert await owed(app, ada) == [("mail.verification", None)]
    # It may be asked as often as the client likes: there is nothing to guess.
    codes = [(await complete(client, token)).code for _ in range(7)]
    assert codes == ["EMAIL_NOT_VERIFIED"] * 7
    assert await sessions(app, ada) == 0
    # Who has lost the mail signs in for another.
    await sql(app, "DELETE FROM jobs")
    again = await challenged(client, email, "VERIFY_EMAIL")
    assert await owed(app, ada) == [("mail.verification", None)]
    await confirm(app, ada)
    for waiting in (token, again):
        assert (await complete(client, waiting)).it["viewer"]["email"] == email
    assert await who(client, email) == ada.user_id


async def test_a_reset_confirms_the_address_there(strict: tuple[App, Client]) -> None:
    app, client = strict
    email = fresh()
    assert (await client.ask(BEGIN, input={"name": "Ada", "email": email, "password": PASSWORD})).it
    assert (await client.ask(REQUEST_RESET, email=email)).it["ok"]
    ada = await _of(app, client, email)
    token = await link(app, ada, Purpose.RESET)
    assert (await client.ask(RESET, input={"token": token, "newPassword": OTHER})).it["tokens"]


async def _of(app: App, client: Client, email: str) -> Client:
    from dataclasses import replace

    rows: list[Any] = await sql(app, "SELECT id FROM users WHERE email = $1", email)
    return replace(client, user_id=f"us_{rows[0]['id']}", email=email)
