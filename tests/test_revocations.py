"""Revocations: what ends here ends on every process, whoever of the parts is away."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from models.refusal import Unavailable
from server.app import App
from server.settings import Settings
from storage import revocations
from tests.client import PASSWORD, REFRESH, SIGN_IN, SIGN_OUT, Client
from tests.proxy import Proxy
from tests.running import ROOT, free_port, processes_of, served, wait_until_ready
from tests.sockets import close_code, opened, opening, until

VIEWER = "{ viewer { email } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


@pytest.fixture
def settings(app: App, base: Settings) -> Settings:
    """Those of the program that the town asks, for one more on the same parts."""
    return base.model_copy(update={"database_url": app.parts.database.url})


@pytest_asyncio.fixture
async def ada(client: Client) -> Client:
    return await client.sign_up(f"Ada{uuid4().hex}")


@pytest_asyncio.fixture
async def rows(app: App) -> AsyncIterator[Any]:
    """The database, to change it behind the program's back."""
    connection = await asyncpg.connect(app.parts.database.url)
    yield connection
    await connection.close()


def uuid(id: str) -> UUID:
    return UUID(id[3:])


def is_out(client: Client) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return (await client.ask(VIEWER)).code == "UNAUTHENTICATED"

    return asked


@asynccontextmanager
async def behind(address: str | None) -> AsyncIterator[tuple[Proxy, str]]:
    """A server that can be cut off, and its address."""
    parts = urlsplit(str(address))
    async with Proxy(str(parts.hostname), parts.port or 0) as proxy:
        login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        yield proxy, parts._replace(netloc=f"{login}127.0.0.1:{proxy.port}").geturl()


@pytest.mark.parametrize(("redis", "within"), [("there", 1.0), ("dead", 2.0)])
async def test_a_session_that_is_ended_here_ends_elsewhere(
    settings: Settings, ada: Client, redis: str, within: float
) -> None:
    async with behind(settings.redis_url) as (proxy, address):
        there = settings.model_copy(update={"redis_url": address})
        async with served(there) as (_, url), opened(ada.at(url)) as socket:
            assert (await ada.at(url).ask(VIEWER)).it == {"email": ada.email}
            if redis == "dead":
                await proxy.refuse()
            assert (await ada.ask(SIGN_OUT)).it
            async with asyncio.timeout(within):
                await until(is_out(ada.at(url)), within)
                assert await close_code(socket, within) == 4401
            assert (await ada.at(url).ask(REFRESH, token=ada.refresh_token)).code == "EXPIRED"


async def test_while_postgres_cannot_be_asked_nobody_is_let_in_and_then_nothing_was_missed(
    settings: Settings, ada: Client, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await ada.sign_in(ada.email, PASSWORD)
    monkeypatch.setattr(revocations, "_LOOK", 0.1)
    monkeypatch.setattr(revocations, "_TRUST", 2.0)
    monkeypatch.setattr(revocations, "_OVERLAP", timedelta(0))
    async with behind(settings.database_url) as (proxy, address):
        there = settings.model_copy(update={"database_url": address})
        async with served(there) as (app, url):
            known = app.parts.revocations

            async def trusts() -> bool:
                try:
                    return known.covers(uuid4()) is not None
                except Unavailable:
                    return False

            async def doubts() -> bool:
                return not await trusts()

            assert await trusts()
            await proxy.refuse()
            # Told to nobody, as by a process that dies between its commit and its word.
            newest = "SELECT id FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT 1"
            ended = await rows.fetchval(newest, uuid(ada.user_id))
            await rows.execute("UPDATE sessions SET revoked_at = now() WHERE id = $1", ended)
            await until(doubts, within=15)
            refused = await ada.at(url).ask(VIEWER)
            assert (refused.code, refused.data) == ("UNAVAILABLE", {"viewer": None})
            async with opening(ada.at(url)) as socket:
                assert await close_code(socket) == 1013
            await proxy.accept()
            await until(trusts, within=15)
            # Seen at the first look, though it is older than the overlap of two looks.
            assert known.covers(UUID(str(ended)))
            assert (await phone.at(url).ask(VIEWER)).code == "UNAUTHENTICATED"
            assert (await ada.at(url).ask(VIEWER)).it == {"email": ada.email}


async def test_a_peer_that_does_not_take_its_end_holds_up_nobodys(
    ada: Client, app: App, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = asyncio.Event()

    async def never(id: UUID) -> None:
        await stuck.wait()

    async with served(settings) as (_, url):
        monkeypatch.setattr(app.parts.revocations, "ended", never)
        try:
            async with asyncio.timeout(5):
                assert (await ada.ask(SIGN_OUT)).it
                await until(is_out(ada.at(url)))
        finally:
            stuck.set()


async def test_a_socket_whose_session_is_gone_from_the_database_is_closed_at_the_next_look(
    ada: Client, app: App, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = app.parts.revocations
    monkeypatch.setattr(known, "open", lambda: app.endpoint.sockets.sessions)
    async with opened(ada) as socket:
        await known._look()
        await known._look()
        await rows.execute("DELETE FROM users WHERE id = $1", uuid(ada.user_id))
        await known._look()
        assert await close_code(socket) == 4401


async def test_no_line_of_the_log_holds_a_password_or_a_token(
    settings: Settings, client: Client, rows: Any, tmp_path: Path
) -> None:
    log, port = tmp_path / "log", free_port()
    async with processes_of(settings, 0) as none:
        environment = none.environment | {"LOG_LEVEL": "debug", "ENVIRONMENT": "development"}
    with log.open("wb") as lines:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "serve", "--port", str(port)),
            cwd=ROOT,
            env=environment | {"PATH": os.environ["PATH"]},
            stdout=lines,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        await wait_until_ready(url, process)
        ada = await client.at(url).sign_up(f"Canary{uuid4().hex}")
        secrets = [PASSWORD, "the wrong passphrase", ada.email, str(ada.token), str(ada.refresh_token)]
        await ada.ask(SIGN_IN, input={"email": ada.email, "password": "the wrong passphrase"})
        async with opened(ada):
            pass
        await replace(ada, token=f"{ada.token}x").ask(VIEWER)
        tokens = (await ada.ask(REFRESH, token=ada.refresh_token)).it["tokens"]
        secrets += [tokens["accessToken"], tokens["refreshToken"]]
        # Now a mistake of ours, with all that goes into the log then.
        await rows.execute("ALTER TABLE refresh_tokens RENAME TO gone")
        assert (await ada.ask(REFRESH, token=tokens["refreshToken"])).code == "INTERNAL"
        assert (await ada.ask(SIGN_IN, input={"email": ada.email, "password": PASSWORD})).code == "INTERNAL"
        literal = f'mutation {{ signIn(input: {{ email: "{ada.email}", password: "{PASSWORD}" }}) {{ nothing }} }}'
        assert (await ada.ask(literal)).code == "BAD_USER_INPUT"
        assert (await ada.ask(SIGN_OUT)).it
        await rows.execute("ALTER TABLE gone RENAME TO refresh_tokens")
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 20)
    written = log.read_text()
    assert "operation_failed" in written and "refresh_tokens" in written
    assert [secret for secret in [*secrets, "$argon2"] if secret in written] == []
