"""`leporello user`, as whoever types it sees it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from rich.console import Console
from typer.testing import CliRunner

from server.app import App
from server.cli import cli, running
from server.settings import Settings
from tests import client as asks
from tests.client import PASSWORD, SIGN_IN, Answer, Client
from tests.people import somebody, uuid_of
from tests.sockets import close_code, opened, until
from tests.test_cli import environment

#: What a command says, and with which status it ends.
Type = Callable[..., Awaitable[tuple[int, str, str]]]
VIEWER = "{ viewer { email user { name } } }"
PERMISSIONS = "{ viewer { permissions } }"
GUEST = "mutation { signInAsGuest { tokens { accessToken refreshToken } viewer { email user { id } } } }"
CHALLENGE = """
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { tokens { accessToken } challenge { kind challengeToken } userErrors { code message path } }
}
"""
COMPLETE = f"mutation Go($input: CompleteChallengeInput!) {{ completeChallenge(input: $input) {{ {asks.TOKENS} }} }}"


@pytest.fixture
def user(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    # Where no `.env` is.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "out", Console(highlight=False, width=400))

    async def typed(*words: str, given: str | None = None) -> tuple[int, str, str]:
        # In a thread, since a command has a loop of its own.
        env = environment(settings)
        ended = await asyncio.to_thread(CliRunner().invoke, cli, ["user", *words], env=env, input=given)
        return ended.exit_code, ended.stdout, ended.stderr

    return typed


@pytest_asyncio.fixture
async def sql(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


async def kinds(sql: asyncpg.Connection, user_id: str) -> list[str]:
    asked = "SELECT kind FROM security_events WHERE user_id = $1 AND details->>'by' = 'command line' ORDER BY at, id"
    return [row["kind"] for row in await sql.fetch(asked, uuid_of(user_id))]


def is_out(person: Client) -> Callable[[], Awaitable[bool]]:
    async def out() -> bool:
        return (await person.ask(VIEWER)).code == "UNAUTHENTICATED"

    return out


async def signed_in(client: Client, email: str, password: str) -> Answer:
    return await client.ask(CHALLENGE, input={"email": email, "password": password})


async def test_a_password_that_was_made_is_changed_at_the_first_sign_in(
    user: Type, client: Client, sql: asyncpg.Connection
) -> None:
    status, said, complaint = await user("create", "Ada@Example.org", "--name", "Ada", "--language", "FR")
    assert (status, complaint) == (0, "")
    first, second = said.splitlines()
    assert first.startswith("Ada@example.org is us_")
    password = second.removeprefix("Password, to be changed at the first sign-in: ")
    assert len(password) >= 20
    assert PASSWORD not in said
    challenge = (await signed_in(client, "ada@example.org", password)).it["challenge"]
    assert challenge["kind"] == "NEW_PASSWORD"
    answer = {"challengeToken": challenge["challengeToken"], "newPassword": PASSWORD}
    assert (await client.ask(COMPLETE, input=answer)).it["viewer"]["email"] == "Ada@example.org"
    assert (await signed_in(client, "ada@example.org", password)).code == "WRONG_CREDENTIALS"
    assert (await signed_in(client, "ada@example.org", PASSWORD)).it["tokens"]
    row = await sql.fetchrow("SELECT language, email_verified_at IS NOT NULL AS confirmed FROM users")
    assert (row["language"], row["confirmed"]) == ("FR", True)
    assert await kinds(sql, first.split(" is ")[1].rstrip(".")) == ["SIGNED_UP"]


async def test_a_password_that_was_given_stays_and_is_not_printed(user: Type, client: Client) -> None:
    status, said, _ = await user("create", "ada@example.org", "--name", "Ada", "--ask", given=f"{PASSWORD}\n")
    assert status == 0 and PASSWORD not in said and len(said.splitlines()) == 1
    assert (await signed_in(client, "ada@example.org", PASSWORD)).it["tokens"]


async def test_what_cannot_be_made_is_one_line(user: Type, sql: asyncpg.Connection) -> None:
    assert (await user("create", "ada@example.org", "--name", "Ada"))[0] == 0
    for words, given, line in (
        (("ADA@example.org", "--name", "A"), None, "There is an account with this address.\n"),
        (("nobody", "--name", "A"), None, "That is not an e-mail address.\n"),
        (("b@example.org", "--name", " "), None, "A name has 1 to 100 characters.\n"),
        (("b@example.org", "--name", "B", "--ask"), "short\n", "A password has 8 to 512 characters.\n"),
    ):
        assert await user("create", *words, given=given) == (1, "", line)
    assert await sql.fetchval("SELECT count(*) FROM users") == 1


async def test_an_address_that_others_only_say_is_theirs_becomes_the_new_accounts(
    user: Type, client: Client, sql: asyncpg.Connection
) -> None:
    squatter = await client.sign_up("Ada")
    assert (await user("create", squatter.email, "--name", "Ada"))[0] == 0
    assert (await squatter.ask(VIEWER)).it["email"] is None


async def test_who_is_disabled_is_out_at_once_and_comes_back_in_when_enabled(
    user: Type, client: Client, sql: asyncpg.Connection
) -> None:
    ada = await client.sign_up("Ada")
    also = await client.sign_in(ada.email, PASSWORD)
    async with opened(also) as socket:
        status, said, _ = await user("disable", ada.email)
        assert (status, said) == (0, "Disabled; 2 sessions ended.\n")
        assert await close_code(socket) == 4401
    await until(is_out(ada))
    assert (await client.ask(SIGN_IN, input={"email": ada.email, "password": PASSWORD})).code == "FORBIDDEN"
    assert (await client.ask(asks.REFRESH, token=ada.refresh_token)).code == "EXPIRED"
    assert await user("disable", ada.user_id) == (0, "Disabled; 0 sessions ended.\n", "")
    for _ in range(2):
        assert await user("enable", ada.user_id) == (0, "Enabled.\n", "")
    assert (await client.sign_in(ada.email, PASSWORD)).user_id == ada.user_id
    assert await kinds(sql, ada.user_id) == ["ACCOUNT_DISABLED", "ACCOUNT_ENABLED"]


async def test_who_is_promoted_is_an_administrator_until_demoted(
    user: Type, app: App, client: Client, sql: asyncpg.Connection
) -> None:
    ada = await somebody(app, client, "Ada")
    for _ in range(2):
        assert await user("promote", ada.email) == (0, "An administrator from now on.\n", "")
    assert (await ada.ask(PERMISSIONS)).it["permissions"] == ["auth:user:list", "auth:user:activate"]
    # The last one too: this is the way back.
    for _ in range(2):
        assert await user("demote", ada.user_id) == (0, "No administrator any more.\n", "")
    assert (await ada.ask(PERMISSIONS)).it["permissions"] == []
    assert await kinds(sql, ada.user_id) == ["ADMINISTRATOR_MADE", "ADMINISTRATOR_ENDED"]
    mails = await sql.fetch("SELECT payload ->> 'kind' AS kind, payload ->> 'to' AS to FROM jobs ORDER BY id")
    assert [(row["kind"], row["to"]) for row in mails] == [
        ("ADMINISTRATOR_MADE", ada.email),
        ("ADMINISTRATOR_ENDED", ada.email),
    ]


async def test_who_cannot_be_trusted_is_not_promoted(
    user: Type, app: App, client: Client, sql: asyncpg.Connection
) -> None:
    gus = client._with((await client.ask(GUEST)).it)
    line = "A guest cannot be an administrator: there is no way back into their account.\n"
    assert await user("promote", gus.user_id) == (1, "", line)
    ada = await somebody(app, client, "Ada")
    await user("disable", ada.email)
    assert await user("promote", ada.email) == (1, "", "Their account is disabled: enable it first.\n")
    # Who has signed up with an address may be anybody.
    eve = await client.sign_up("Eve")
    line = f"Nobody has confirmed {eve.email}. Confirm it first, or name the account by its id.\n"
    assert await user("promote", eve.email) == (1, "", line)
    assert await sql.fetchval("SELECT count(*) FROM users WHERE is_administrator") == 0
    assert await kinds(sql, gus.user_id) == await kinds(sql, eve.user_id) == []
    assert await user("promote", eve.user_id) == (0, "An administrator from now on.\n", "")
    # Their address is not known to be theirs.
    assert await sql.fetch("SELECT FROM jobs WHERE payload ->> 'kind' LIKE 'ADMIN%'") == []
    for who in (f"us_{uuid4()}", "x@example.org"):
        for command in ("promote", "demote"):
            assert await user(command, who) == (1, "", f"There is no account {who}.\n")


async def test_an_address_is_confirmed_for_who_cannot_read_its_mail(
    user: Type, client: Client, sql: asyncpg.Connection
) -> None:
    ada = await client.sign_up("Ada")
    given = {"name": "Eve", "email": ada.email, "password": f"{PASSWORD} of Eve"}
    eve = client._with((await client.ask(asks.SIGN_UP, input=given)).it)
    status, _, complaint = await user("confirm", ada.email)
    assert status == 1 and ada.user_id in complaint and eve.user_id in complaint
    for _ in range(2):
        assert await user("confirm", ada.user_id) == (0, f"{ada.email} is confirmed.\n", "")
    assert await user("confirm", ada.email) == (0, f"{ada.email} is confirmed.\n", "")
    assert (await eve.ask(VIEWER)).it["email"] is None
    assert await sql.fetchval("SELECT email FROM users WHERE email_verified_at IS NOT NULL") == ada.email
    assert await kinds(sql, ada.user_id) == ["EMAIL_VERIFIED"]
    none = (1, "", f"{eve.user_id} has no address, or another one by now.\n")
    assert await user("confirm", eve.user_id) == none


async def test_sessions_are_shown_and_ended_one_or_all(
    user: Type, app: App, client: Client, sql: asyncpg.Connection
) -> None:
    ada, ben = await client.sign_up("Ada"), await somebody(app, client, "Ben")
    given = {"email": ada.email, "password": PASSWORD, "device": {"name": "[red]Tablet[/]", "platform": "ANDROID"}}
    tablet = client._with((await client.ask(SIGN_IN, input=given)).it)
    status, said, _ = await user("sessions", ada.email)
    assert status == 0 and "[red]Tablet[/] ANDROID" in said and said.endswith("2 sessions.\n")
    status, as_json, _ = await user("sessions", ada.email, "--json")
    newest, oldest = json.loads(as_json)
    shown = [each["id"] for each in (await tablet.ask("{ viewer { sessions { id } } }")).it["sessions"]]
    assert shown == [newest["id"], oldest["id"]] and newest["id"].startswith("se_")
    assert (status, newest["device"], newest["platform"], oldest["device"]) == (0, "[red]Tablet[/]", "ANDROID", None)
    assert newest["ipAddress"] == "127.0.0.1" and newest["expiresAt"] > newest["createdAt"]
    assert await user("revoke", ada.email, newest["id"]) == (0, "1 session ended.\n", "")
    await until(is_out(tablet))
    assert (await ada.ask(VIEWER)).it
    none = (1, "", "They have no such session.\n")
    assert await user("revoke", ada.email, newest["id"]) == none
    # Nor may a slip of the hand end somebody else's.
    assert await user("revoke", ben.email, oldest["id"]) == none
    assert await user("revoke", ada.email) == (1, "", "Name one session, or say --all.\n")
    assert await user("revoke", ada.email, "--all") == (0, "1 session ended.\n", "")
    await until(is_out(ada))
    assert (await ben.ask(VIEWER)).it
    assert await user("sessions", ada.email) == (0, "0 sessions.\n", "")
    assert await kinds(sql, ada.user_id) == ["SESSION_REVOKED"] * 2


async def test_ids_of_sessions_are_whole_in_a_narrow_window(
    user: Type, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "out", Console(highlight=False, width=40))
    ada = await client.sign_up("Ada")
    (own,) = (await ada.ask("{ viewer { sessions { id createdAt userAgent } } }")).it["sessions"]
    status, said, _ = await user("sessions", ada.email)
    first, moments, program, count = said.splitlines()
    assert (status, first, count) == (0, own["id"], "1 session.")
    assert f"began {own['createdAt']}, " in moments and own["userAgent"] in program
    # As it was copied from there, or from `psql`, which knows no kinds.
    assert await user("revoke", ada.email, first.removeprefix("se_")) == (0, "1 session ended.\n", "")
    await until(is_out(ada))


async def test_what_was_mistyped_is_told_with_the_usage_and_does_nothing(
    user: Type, client: Client, sql: asyncpg.Connection
) -> None:
    ada = await client.sign_up("Ada")
    for words in (
        ("revoked", ada.email),
        ("disable",),
        ("disable", ada.email, "--now"),
        ("create", "b@example.org"),
        ("create", "b@example.org", "--name", "B", "--language", "XX"),
    ):
        status, said, complaint = await user(*words)
        assert (status, said) == (2, "") and complaint.startswith("Usage: ")
    assert await sql.fetchval("SELECT count(*) FROM users WHERE disabled_at IS NULL") == 1


async def test_who_is_meant_has_to_be_plain(user: Type, client: Client, sql: asyncpg.Connection) -> None:
    nobody = f"us_{uuid4()}"
    for who in (nobody, "x@example.org", "Ada"):
        assert await user("disable", who) == (1, "", f"There is no account {who}.\n")
    twins = [await client.ask(asks.SIGN_UP, input=_twin(number)) for number in range(2)]
    ids = [each.it["viewer"]["user"]["id"] for each in twins]
    status, said, complaint = await user("disable", "ada@example.org")
    assert (status, said) == (1, "") and complaint.count("\n") == 1 and all(id in complaint for id in ids)
    assert await user("disable", uuid_of(ids[0])) == (0, "Disabled; 1 session ended.\n", "")
    assert await sql.fetchval("SELECT count(*) FROM users WHERE disabled_at IS NOT NULL") == 1


def _twin(number: int) -> dict[str, str]:
    return {"name": "Ada", "email": "ada@example.org", "password": f"{PASSWORD} {number}"}
