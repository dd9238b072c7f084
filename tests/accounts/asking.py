"""What the tests of accounts ask, and what only a mailbox or the clock would give them."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from models import Purpose
from resolvers.address import links
from resolvers.context import Context
from server.app import App
from server.settings import Settings
from tests.client import PASSWORD, SIGN_IN, SIGN_UP, Answer, Client
from tests.running import served

_IN = """
  tokens { accessToken refreshToken } viewer { id email user { id name } session { id } }
  challenge { kind challengeToken } userErrors { code message path }
"""
COMPLETE = f"mutation C($input: CompleteChallengeInput!) {{ completeChallenge(input: $input) {{ {_IN} }} }}"
RESET = f"mutation R($input: ResetPasswordInput!) {{ resetPassword(input: $input) {{ {_IN} }} }}"
CHANGE_PASSWORD = f"mutation C($input: ChangePasswordInput!) {{ changePassword(input: $input) {{ {_IN} }} }}"
ENTER = f"mutation S($input: SignInInput!) {{ signIn(input: $input) {{ {_IN} }} }}"
BEGIN = f"mutation S($input: SignUpInput!) {{ signUp(input: $input) {{ {_IN} }} }}"
_DONE = "{ ok userErrors { code message path } }"
VERIFY = f"mutation V($token: String!) {{ verifyEmail(token: $token) {_DONE} }}"
REQUEST_VERIFICATION = f"mutation V {{ requestEmailVerification {_DONE} }}"
CHANGE_EMAIL = f"mutation C($input: ChangeEmailInput!) {{ changeEmail(input: $input) {_DONE} }}"
REQUEST_RESET = f"mutation R($email: String!) {{ requestPasswordReset(email: $email) {_DONE} }}"
ADDRESS = "{ viewer { email emailVerified } }"
DONE = {"ok": True, "userErrors": []}
OTHER = "another long password"
WRONG = {"code": "WRONG_CREDENTIALS", "message": "The address or the password is wrong.", "path": ["input"]}


def fresh() -> str:
    """An address that nobody has."""
    return f"ada.{uuid4().hex}@example.org"


def uuid(person: Client) -> UUID:
    return UUID(person.user_id[3:])


async def sign_up(client: Client, email: str, name: str = "Ada", password: str = PASSWORD) -> Client:
    signed = (await client.ask(SIGN_UP, input={"name": name, "email": email, "password": password})).it
    return replace(
        client,
        token=signed["tokens"]["accessToken"],
        refresh_token=signed["tokens"]["refreshToken"],
        user_id=signed["viewer"]["user"]["id"],
        email=signed["viewer"]["email"],
    )


async def sign_in(client: Client, email: str, password: str = PASSWORD) -> Answer:
    return await client.ask(SIGN_IN, input={"email": email, "password": password})


async def who(client: Client, email: str, password: str = PASSWORD) -> str | None:
    """The id of whom one signs in as; None where it is refused as wrong."""
    answer = await sign_in(client, email, password)
    if answer.user_errors:
        assert answer.user_errors == [WRONG]
        return None
    return str(answer.it["viewer"]["user"]["id"])


async def link(app: App, person: Client, purpose: Purpose, email: str | None = None) -> str:
    """The token of the link that would be mailed."""
    token = await offered(app, person, purpose, email)
    assert token
    return token


async def offered(app: App, person: Client, purpose: Purpose, email: str | None = None) -> str | None:
    async with Context(app.parts, caller=None).work() as work:
        return await links.make(work, uuid(person), purpose, email or person.email)


async def confirm(app: App, person: Client) -> None:
    assert (await person.ask(VERIFY, token=await link(app, person, Purpose.VERIFY))).it == DONE


async def sql(app: App, statement: str, *arguments: Any) -> list[Any]:
    """What no mutation does, such as time passing."""
    connection = await asyncpg.connect(app.parts.database.url)
    try:
        return list(await connection.fetch(statement, *arguments))
    finally:
        await connection.close()


async def events(app: App, person: Client) -> list[str]:
    """What has been noted of them, oldest first."""
    rows = await sql(app, "SELECT kind FROM security_events WHERE user_id = $1 ORDER BY at, id", uuid(person))
    return [row["kind"] for row in rows]


async def owed(app: App, person: Client) -> list[tuple[str, str | None]]:
    """The mails that are owed to them by now: the kind of job, and of a notice what it is about."""
    asked = "SELECT name, payload FROM jobs WHERE payload ->> 'user_id' = $1 AND name LIKE 'mail.%' ORDER BY id"
    rows = await sql(app, asked, str(uuid(person)))
    return [(row["name"], json.loads(row["payload"]).get("kind")) for row in rows]


class Elsewhere:
    """Clients at other IP addresses, of a program that believes what this machine says about that."""

    def __init__(self, app: App, http: httpx.AsyncClient, urls: list[str]) -> None:
        self.app = app
        self._http = http
        self._urls = urls

    async def try_(self, email: str, password: str, at: str = "192.0.2.1", process: int = 0) -> str | None:
        """Signs in from this address; the code of what it is refused with."""
        body = {"query": SIGN_IN, "variables": {"input": {"email": email, "password": password}}}
        url = self._urls[process % len(self._urls)]
        response = await self._http.post(f"{url}/graphql", json=body, headers={"x-forwarded-for": at})
        return Answer(response.json().get("data"), response.json().get("errors", []), response.status_code).code


@asynccontextmanager
async def elsewhere(settings: Settings, count: int = 1) -> AsyncIterator[Elsewhere]:
    """`count` programs over one database."""
    trusting = settings.model_copy(update={"trusted_proxies": [ip_network("127.0.0.0/8")]})
    async with AsyncExitStack() as stack:
        programs = [await stack.enter_async_context(served(trusting)) for _ in range(count)]
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        yield Elsewhere(programs[0][0], http, [url for _, url in programs])
