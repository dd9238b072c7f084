"""The ends of sessions: exactly the right ones, and nobody who was put out puts out others."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from models import Proof, User
from models.refusal import Forbidden
from resolvers import session, sign_in
from resolvers.context import Context
from server.app import App
from server.settings import Settings
from storage import revocations
from tests.accounts.signed_in import VIEWER, is_out, kinds, newcomer, once_more, refreshed, rows_of, uuid
from tests.client import SIGN_OUT, Client
from tests.running import served
from tests.sockets import close_code, is_alive, opened, until

REVOKE = "mutation Revoke($id: ID!) { revokeSession(id: $id) { revokedSessionIds userErrors { code } } }"
OTHERS = "mutation Others { revokeOtherSessions { revokedSessionIds userErrors { code } } }"
OWN = "{ viewer { session { id } } }"


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


async def own(person: Client) -> str:
    return str((await person.ask(OWN)).it["session"]["id"])


async def test_ending_the_others_ends_all_of_ones_own_but_this_one(
    app: App, client: Client, ada: Client, rows: Any, settings: Settings
) -> None:
    phone, fridge, eve = await once_more(app, ada), await once_more(app, ada), await newcomer(app, client)
    ids = {await own(phone), await own(fridge)}
    async with (
        served(settings) as (_, url),
        opened(ada) as mine,
        opened(phone) as here,
        opened(fridge.at(url)) as there,
    ):
        ended = (await ada.ask(OTHERS)).it
        # One that was made without them is among those of `somebody`.
        assert ids < set(ended["revokedSessionIds"]) and await own(ada) not in ended["revokedSessionIds"]
        async with asyncio.timeout(1):
            assert await close_code(here) == await close_code(there) == 4401
            await until(partial(is_out, fridge.at(url)))
        assert await is_out(phone)
        assert await is_alive(mine)
    for person in (phone, fridge):
        assert (await refreshed(person, person.refresh_token)).code == "EXPIRED"
    assert (await refreshed(ada, ada.refresh_token)).it
    assert (await eve.ask(VIEWER)).it == {"email": eve.email}
    assert set(await kinds(rows, ada)) == {"SESSION_REVOKED"} and await kinds(rows, eve) == []
    assert (await ada.ask(OTHERS)).it == {"revokedSessionIds": [], "userErrors": []}
    assert (await client.ask(OTHERS)).code == "UNAUTHENTICATED"


async def test_whoever_was_put_out_elsewhere_puts_out_nobody(
    app: App, ada: Client, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = await once_more(app, ada)
    # As before this process has heard of it.
    await rows.execute("UPDATE sessions SET revoked_at = now() WHERE id = $1", uuid(await own(thief)))
    assert (await thief.ask(VIEWER)).it == {"email": ada.email}
    for document, given in ((OTHERS, {}), (REVOKE, {"id": await own(ada)}), (SIGN_OUT, {})):
        assert (await thief.ask(document, **given)).code == "UNAUTHENTICATED"
    assert (await ada.ask(VIEWER)).it == {"email": ada.email}
    assert await kinds(rows, ada) == []


async def test_two_who_end_each_other_at_once_do_not_wait_for_ever(app: App, ada: Client, rows: Any) -> None:
    phone = await once_more(app, ada)
    ids = {await own(ada): phone, await own(phone): ada}
    answers = await asyncio.gather(*(person.ask(REVOKE, id=id) for id, person in ids.items()))
    assert sorted(str(answer.code) for answer in answers) == ["None", "UNAUTHENTICATED"]


async def test_each_end_is_noted_as_what_it_was(app: App, ada: Client, rows: Any) -> None:
    phone = await once_more(app, ada)
    assert (await ada.ask(REVOKE, id=await own(phone))).it
    assert (await ada.ask(REVOKE, id=await own(phone) if not await is_out(phone) else "rubbish")).code == "NOT_FOUND"
    assert (await ada.ask(SIGN_OUT)).it
    assert await kinds(rows, ada) == ["SESSION_REVOKED", "SIGNED_OUT"]


async def test_all_sessions_of_a_user_end_with_the_work_that_says_why(
    app: App, client: Client, ada: Client, settings: Settings
) -> None:
    phone, eve = await once_more(app, ada), await newcomer(app, client)
    context = Context(app.parts, None)
    kept = uuid(await own(ada))
    with pytest.raises(RuntimeError):
        async with context.work() as work:
            await session.revoke_all(work, uuid(ada.user_id))
            raise RuntimeError
    assert not await is_out(phone) and not await is_out(ada)
    async with served(settings) as (_, url), opened(phone.at(url)) as socket:
        async with context.work() as work:
            assert uuid(await own(phone)) in await session.revoke_all(work, uuid(ada.user_id), except_=kept)
        assert await close_code(socket) == 4401
        assert await is_out(phone) and not await is_out(ada)
        async with context.work() as work:
            assert await session.revoke_all(work, uuid(ada.user_id)) == [kept]
        assert await is_out(ada) and not await is_out(eve)
        await until(partial(is_out, ada.at(url)))


async def test_a_user_who_is_disabled_while_they_sign_in_gets_no_session(app: App, ada: Client, rows: Any) -> None:
    context = Context(app.parts, None)
    count = "SELECT count(*) FROM sessions WHERE user_id = $1"
    before = await rows.fetchval(count, uuid(ada.user_id))
    transaction = rows.transaction()
    await transaction.start()
    await rows.execute("UPDATE users SET disabled_at = now() WHERE id = $1", uuid(ada.user_id))

    async def begin() -> None:
        async with context.work() as work:
            # As it was read before.
            user = await work.session.get_one(User, uuid(ada.user_id))
            await sign_in.begin(context, work, user, Proof.PASSWORD, None)

    beginning = asyncio.create_task(begin())
    await until(partial(_is_waiting, rows), within=10)
    await transaction.commit()
    with pytest.raises(Forbidden):
        await beginning
    assert await rows.fetchval(count, uuid(ada.user_id)) == before


async def _is_waiting(rows: Any) -> bool:
    return int(await rows.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")) >= 1


async def test_a_revocation_that_nobody_tells_of_is_found_at_the_next_look(app: App, ada: Client, rows: Any) -> None:
    # A look comes every few seconds; three may fail before the contract's 30 are over.
    assert 3 * revocations._LOOK <= 30
    async with opened(ada) as socket:
        await rows.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = $1", uuid(ada.user_id))
        assert not await is_out(ada)
        await app.parts.revocations._look()
        assert await close_code(socket) == 4401
        assert await is_out(ada)
