"""People who are signed in, without the tens of milliseconds that a password takes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from models import User
from models.session import DevicePlatform
from resolvers import session
from resolvers.context import Context
from server.app import App
from tests.client import REFRESH, Answer, Client
from tests.people import somebody

VIEWER = "{ viewer { email } }"


def uuid(id: str) -> UUID:
    return UUID(id[3:])


async def newcomer(app: App, client: Client, platform: DevicePlatform | None = None) -> Client:
    """Somebody new, with a session that can be refreshed."""
    return await once_more(app, await somebody(app, client, f"Ada{uuid4().hex}"), platform)


async def once_more(app: App, person: Client, platform: DevicePlatform | None = None) -> Client:
    """The same person in one more session."""
    context = Context(app.parts, None, "192.0.2.7", "A browser")
    async with context.work() as work:
        user = await work.session.get_one(User, uuid(person.user_id))
        device = session.Device("Kitchen", platform) if platform else None
        tokens = await session.begin(context, work, user, device)
    return replace(person, token=tokens.access_token, refresh_token=tokens.refresh_token)


async def refreshed(client: Client, token: str | None) -> Answer:
    return await client.ask(REFRESH, token=token)


def with_tokens(client: Client, answer: Answer) -> Client:
    tokens = answer.it["tokens"]
    return replace(client, token=tokens["accessToken"], refresh_token=tokens["refreshToken"])


async def is_out(client: Client) -> bool:
    return (await client.ask(VIEWER)).code == "UNAUTHENTICATED"


@asynccontextmanager
async def rows_of(app: App) -> AsyncIterator[Any]:
    """The database, to look at what is there, and to have time pass."""
    connection = await asyncpg.connect(app.parts.database.url)
    try:
        yield connection
    finally:
        await connection.close()


async def kinds(rows: Any, person: Client) -> list[str]:
    """What was noted of them, oldest first."""
    asked = "SELECT kind FROM security_events WHERE user_id = $1 ORDER BY at, id"
    return [row["kind"] for row in await rows.fetch(asked, uuid(person.user_id))]


async def notices(rows: Any, person: Client) -> list[str]:
    """What they are owed a mail of."""
    asked = "SELECT payload ->> 'kind' AS kind FROM jobs WHERE name = 'mail.notice' AND payload ->> 'user_id' = $1"
    return [row["kind"] for row in await rows.fetch(asked, str(uuid(person.user_id)))]
