"""What somebody has begun in a session is over with it, and with the password that they began it with."""

import pytest

from server.app import App
from tests.accounts import passkey_holder
from tests.accounts.asking import CHANGE_PASSWORD, OTHER, events, sql, uuid
from tests.accounts.authenticator import Authenticator
from tests.accounts.guarded import BEGIN, CONFIRM, STATE, Guarded
from tests.accounts.passkey_holder import COMPLETE, begun, mine, page_of
from tests.accounts.software_key import SoftwareKey
from tests.client import PASSWORD, Client
from tests.people import somebody

VIEWER = "{ viewer { email } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def nobody(town: tuple[App, Client]) -> Client:
    return town[1]


async def test_nothing_is_finished_nor_begun_from_a_session_that_has_ended(app: App, nobody: Client) -> None:
    ada = await somebody(app, nobody, "Ada")
    code = Authenticator((await ada.ask(BEGIN)).it["secret"]).code()
    credential = SoftwareKey(page_of(nobody)).create(await begun(ada))
    # As before this process has heard of it.
    await sql(app, "UPDATE sessions SET revoked_at = now() WHERE user_id = $1", uuid(ada))
    assert (await ada.ask(CONFIRM, code=code)).code == "UNAUTHENTICATED"
    assert (await ada.ask(COMPLETE, name="Phone", credential=credential)).code == "UNAUTHENTICATED"
    # Who has proven it meanwhile has done so in vain.
    for document in (BEGIN, passkey_holder.BEGIN):
        assert (await ada.ask(document)).code == "UNAUTHENTICATED"
    assert (await ada.ask(VIEWER)).it == {"email": ada.email}
    assert (await ada.ask(STATE)).it["twoFactorEnabled"] is False and await mine(ada) == []
    assert await events(app, ada) == []


async def test_a_new_password_ends_what_was_begun_with_the_old_one(app: App, nobody: Client) -> None:
    ada, eve = await nobody.sign_up("Begunada"), await somebody(app, nobody, "Eve")
    code = Authenticator((await ada.ask(BEGIN, password=PASSWORD)).it["secret"]).code()
    theirs, key = await begun(eve), SoftwareKey(page_of(nobody))
    credential = key.create(await begun(ada, password=PASSWORD))
    await sql(
        app,
        "INSERT INTO identity_requests (hash, provider, redirect_uri, secrets, user_id, expires_at)"
        " SELECT id::text::bytea, 'p', 'u', 's', id, now() + interval '5 min' FROM users WHERE id = ANY($1)",
        [uuid(ada), uuid(eve)],
    )
    changed = await ada.ask(CHANGE_PASSWORD, input={"currentPassword": PASSWORD, "newPassword": OTHER})
    assert changed.user_errors == []
    # This session goes on, and nothing that was begun in it.
    refused = await ada.ask(CONFIRM, code=code)
    assert (refused.code, refused.path) == ("EXPIRED", ["code"])
    refused = await ada.ask(COMPLETE, name="Phone", credential=credential)
    assert (refused.code, refused.path) == ("EXPIRED", ["credential"])
    [waiting] = await sql(app, "SELECT user_id FROM identity_requests WHERE user_id = ANY($1)", [uuid(ada), uuid(eve)])
    assert waiting["user_id"] == uuid(eve)
    assert (await eve.ask(COMPLETE, name="Phone", credential=key.create(theirs))).it["passkey"]


async def test_a_second_factor_that_is_on_stays_on(app: App, nobody: Client) -> None:
    ada = await Guarded.made(app, nobody)
    changed = await ada.client.ask(CHANGE_PASSWORD, input={"currentPassword": PASSWORD, "newPassword": OTHER})
    assert changed.user_errors == []
    assert (await ada.client.ask(STATE)).it == {"twoFactorEnabled": True, "recoveryCodesLeft": 10}
