"""Refresh tokens: each good once, whatever processes it is brought to, and its second use noticed for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from models.rules import AccountRules, Days
from models.session import DevicePlatform
from resolvers.keyring import Keyring
from resolvers.token import RefreshTokens, hash_of
from server.app import App
from server.settings import Settings
from tests.accounts.signed_in import VIEWER, is_out, kinds, newcomer, notices, refreshed, rows_of, uuid, with_tokens
from tests.client import Client
from tests.running import served
from tests.sockets import close_code, opened, until


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
async def ada(app: App, client: Client) -> Client:
    return await newcomer(app, client)


@pytest_asyncio.fixture
async def rows(app: App) -> AsyncIterator[Any]:
    async with rows_of(app) as connection:
        yield connection


async def tokens_of(rows: Any, person: Client, condition: str = "true") -> int:
    asked = (
        f"SELECT count(*) FROM refresh_tokens JOIN sessions s ON s.id = session_id WHERE user_id = $1 AND {condition}"
    )
    return int(await rows.fetchval(asked, uuid(person.user_id)))


async def ends_at(rows: Any, person: Client) -> timedelta:
    """How long after its beginning their session ends."""
    asked = "SELECT expires_at - created_at FROM sessions WHERE user_id = $1 AND device_name IS NOT NULL"
    return timedelta(seconds=round((await rows.fetchval(asked, uuid(person.user_id))).total_seconds()))


async def test_of_a_hundred_at_two_processes_one_successor_comes_and_later_use_ends_the_session(
    settings: Settings, ada: Client, rows: Any
) -> None:
    async with served(settings) as (_, url), served(settings) as (_, other):
        places = [ada.at(url), ada.at(other)]
        async with rows.transaction():
            # The first are held until several of either stand at the same row.
            await rows.fetch("SELECT FROM sessions WHERE user_id = $1 FOR UPDATE", uuid(ada.user_id))
            first = asyncio.gather(*(refreshed(places[turn % 2], ada.refresh_token) for turn in range(8)))
            await until(partial(_are_waiting, rows, 5), within=30)
        others = await asyncio.gather(*(refreshed(places[turn % 2], ada.refresh_token) for turn in range(92)))
        # A slow machine may have no connection for all of them in time; it then says so.
        assert {answer.code for answer in others} <= {None, "UNAVAILABLE"}
        answers = [*await first, *(answer for answer in others if answer.code is None)]
        pairs = {(answer.it["tokens"]["accessToken"], answer.it["tokens"]["refreshToken"]) for answer in answers}
        assert len(pairs) == 1
        assert await tokens_of(rows, ada) == 2
        child = with_tokens(ada, answers[0])
        grandchild = with_tokens(child, await refreshed(child.at(other), child.refresh_token))
        async with opened(grandchild.at(url)) as here, opened(grandchild.at(other)) as there:
            assert (await refreshed(ada.at(url), ada.refresh_token)).code == "EXPIRED"
            async with asyncio.timeout(1):
                assert await close_code(here) == await close_code(there) == 4401
                await until(partial(is_out, grandchild.at(other)))
                await until(partial(is_out, grandchild.at(url)))
        assert (await refreshed(grandchild, grandchild.refresh_token)).code == "EXPIRED"
    assert await kinds(rows, ada) == ["REFRESH_TOKEN_REUSED"]
    assert await notices(rows, ada) == ["REFRESH_TOKEN_REUSED"]


async def _are_waiting(rows: Any, at_least: int) -> bool:
    # Not pg_stat_activity, which stays as it is within a transaction.
    return int(await rows.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")) >= at_least


async def test_a_session_that_is_used_twice_by_two_at_once_is_told_of_once(ada: Client, rows: Any) -> None:
    child = with_tokens(ada, await refreshed(ada, ada.refresh_token))
    await refreshed(child, child.refresh_token)
    answers = await asyncio.gather(*(refreshed(ada, ada.refresh_token) for _ in range(6)))
    assert {answer.code for answer in answers} == {"EXPIRED"}
    assert await kinds(rows, ada) == ["REFRESH_TOKEN_REUSED"]
    assert await notices(rows, ada) == ["REFRESH_TOKEN_REUSED"]


async def test_a_token_whose_row_is_gone_ends_the_session_when_it_is_used_again(ada: Client, rows: Any) -> None:
    child = with_tokens(ada, await refreshed(ada, ada.refresh_token))
    await rows.execute("DELETE FROM refresh_tokens WHERE hash = $1", hash_of(str(ada.refresh_token)))
    # What only looks like one ends nothing.
    for token in (f"{ada.refresh_token}A", str(ada.refresh_token)[:-4] + "AAAA", str(ada.refresh_token).lower()):
        assert (await refreshed(ada, token)).code == "EXPIRED"
    assert (await child.ask(VIEWER)).it == {"email": ada.email}
    assert (await refreshed(ada, ada.refresh_token)).code == "EXPIRED"
    assert await is_out(child)
    assert (await refreshed(child, child.refresh_token)).code == "EXPIRED"
    assert await kinds(rows, ada) == ["REFRESH_TOKEN_REUSED"]


async def test_a_retry_gets_its_pair_although_the_secret_was_replaced_meanwhile(
    ada: Client, app: App, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await refreshed(ada, ada.refresh_token)).it["tokens"]
    secret = "another secret, longer than it needs to be"
    rotated = RefreshTokens(Keyring(secret, ["tests"]))
    monkeypatch.setattr(app.parts.refresh_tokens, "_peppers", rotated._peppers)
    monkeypatch.setattr(app.parts.refresh_tokens, "_seals", rotated._seals)
    again = (await refreshed(ada, ada.refresh_token)).it["tokens"]
    assert again["refreshToken"] == first["refreshToken"]
    # From now on it is the new secret's.
    child = (await refreshed(ada, first["refreshToken"])).it["tokens"]
    assert RefreshTokens(Keyring(secret)).session_of(child["refreshToken"]) is not None
    assert await tokens_of(rows, ada) == 3


async def test_a_disabled_user_gets_no_tokens_any_more(ada: Client, rows: Any) -> None:
    await rows.execute("UPDATE users SET disabled_at = now() WHERE id = $1", uuid(ada.user_id))
    assert (await refreshed(ada, ada.refresh_token)).code == "EXPIRED"
    assert await tokens_of(rows, ada, "used_at IS NOT NULL") == 0
    await rows.execute("UPDATE users SET disabled_at = NULL WHERE id = $1", uuid(ada.user_id))
    assert (await refreshed(ada, ada.refresh_token)).it


async def test_a_session_slides_and_ends_by_the_rules_of_its_platform(
    app: App, client: Client, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = AccountRules(session_days=Days.read("10,APPLE=20"), session_max_days=Days.read("15,APPLE=30"))
    monkeypatch.setitem(app.parts.__dict__, "rules", rules)
    ends = {}
    back = "UPDATE sessions SET created_at = created_at - $2::interval WHERE user_id = $1"
    for platform in (DevicePlatform.APPLE, DevicePlatform.DESKTOP):
        person = await newcomer(app, client, platform)
        ends[platform] = [(await ends_at(rows, person)).days]
        for days in (5, 4):
            await rows.execute(back, uuid(person.user_id), timedelta(days=days))
            person = with_tokens(person, await refreshed(person, person.refresh_token))
            ends[platform].append((await ends_at(rows, person)).days)
        # Its end, however often it was refreshed; the last access token ends with it.
        await rows.execute(back, uuid(person.user_id), timedelta(days=21 if platform == "APPLE" else 6, seconds=-300))
        last = await refreshed(person, person.refresh_token)
        assert last.it["tokens"]["accessTokenExpiresAt"][:19] == last.it["tokens"]["refreshTokenExpiresAt"][:19]
        await rows.execute(back, uuid(person.user_id), timedelta(seconds=300))
        person = with_tokens(person, last)
        assert (await refreshed(person, person.refresh_token)).code == "EXPIRED"
    assert ends == {DevicePlatform.APPLE: [20, 25, 29], DevicePlatform.DESKTOP: [10, 15, 15]}


@pytest.mark.parametrize("text", ["", "x", "60,", "60,FRIDGE=5", "60,APPLE", "60,APPLE=0", "0", "-1", "1e9", "99999"])
def test_days_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Days.read(text)
    with pytest.raises(ValidationError):
        Settings(_env_file=None, session_days=text)  # type: ignore[call-arg]


def test_days_are_those_of_the_platform_or_the_usual_ones() -> None:
    days = Days.read("60, APPLE=90 ,OTHER=1")
    told = [days.on(platform).days for platform in (None, "APPLE", "DESKTOP", "OTHER")]
    assert told == [60, 90, 60, 1]


async def test_one_write_a_refresh_is_made_to_the_session(ada: Client, rows: Any) -> None:
    asked = "SELECT xmin::text::bigint FROM sessions WHERE user_id = $1 AND ip_address = '192.0.2.7'"
    before = await rows.fetchval(asked, uuid(ada.user_id))
    assert (await refreshed(ada, ada.refresh_token)).it
    after = await rows.fetchval(asked, uuid(ada.user_id))
    assert after != before
    # Neither a retry nor what is asked with its access token writes.
    assert (await refreshed(ada, ada.refresh_token)).it
    assert (await ada.ask(VIEWER)).it
    assert await rows.fetchval(asked, uuid(ada.user_id)) == after
