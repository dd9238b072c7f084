"""A password that is changed: asked for again, and the end of whatever the old one had opened."""

import pytest

from models import Purpose
from resolvers import reauthentication
from resolvers.attempts import Allowance
from server.app import App
from tests.accounts.asking import (
    CHANGE_EMAIL,
    CHANGE_PASSWORD,
    DONE,
    OTHER,
    VERIFY,
    confirm,
    events,
    fresh,
    link,
    offered,
    owed,
    sign_up,
    sql,
    uuid,
    who,
)
from tests.client import PASSWORD, REFRESH, Client

VIEWER = "{ viewer { email } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


async def test_who_changes_it_stays_and_everybody_else_is_out(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    phone = await client.sign_in(ada.email, PASSWORD)
    changed = (await ada.ask(CHANGE_PASSWORD, input={"currentPassword": PASSWORD, "newPassword": OTHER})).it
    assert (changed["tokens"], changed["challenge"]) == (None, None)
    assert changed["viewer"]["email"] == ada.email
    assert (await ada.ask(VIEWER)).it == {"email": ada.email}
    assert (await ada.ask(REFRESH, token=ada.refresh_token)).it["tokens"]
    assert (await phone.ask(VIEWER)).code == "UNAUTHENTICATED"
    assert (await phone.ask(REFRESH, token=phone.refresh_token)).code == "EXPIRED"
    assert await who(client, ada.email) is None
    assert await who(client, ada.email, OTHER) == ada.user_id
    assert (await events(app, ada)).count("PASSWORD_CHANGED") == 1
    assert ("mail.notice", "PASSWORD_CHANGED") in await owed(app, ada)


async def test_links_that_were_asked_for_with_the_old_one_are_dead(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    thiefs = fresh()
    assert (await ada.ask(CHANGE_EMAIL, input={"password": PASSWORD, "newEmail": thiefs})).it == DONE
    mailed = await link(app, ada, Purpose.CHANGE, thiefs)
    reset = await link(app, ada, Purpose.RESET)
    assert (await ada.ask(CHANGE_PASSWORD, input={"currentPassword": PASSWORD, "newPassword": OTHER})).it
    assert (await client.ask(VERIFY, token=mailed)).code == "EXPIRED"
    # Neither is one made whose mail had not left yet.
    assert await offered(app, ada, Purpose.CHANGE, thiefs) is None
    assert not await sql(app, "SELECT 1 FROM email_links WHERE user_id = $1 AND purpose <> 'VERIFY'", uuid(ada)), reset


async def test_a_wrong_or_a_poor_one_changes_nothing(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    phone = await client.sign_in(ada.email, PASSWORD)
    for given, code, field in (
        ({"currentPassword": OTHER, "newPassword": OTHER}, "WRONG_CREDENTIALS", "currentPassword"),
        ({"currentPassword": PASSWORD, "newPassword": "password1"}, "INVALID", "newPassword"),
        ({"currentPassword": PASSWORD, "newPassword": ada.email.upper()}, "INVALID", "newPassword"),
        ({"currentPassword": PASSWORD, "newPassword": "short"}, "INVALID", "newPassword"),
    ):
        refused = await ada.ask(CHANGE_PASSWORD, input=given)
        assert (refused.code, refused.path) == (code, ["input", field])
    assert (await phone.ask(VIEWER)).it == {"email": ada.email}
    assert await who(client, ada.email) == ada.user_id
    assert "PASSWORD_CHANGED" not in await events(app, ada)
    nobody = await client.ask(CHANGE_PASSWORD, input={"currentPassword": PASSWORD, "newPassword": OTHER})
    assert (nobody.code, nobody.data) == ("UNAUTHENTICATED", {"changePassword": None})


async def test_whoever_found_an_open_session_cannot_try_for_ever(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_ = reauthentication.PASSWORDS
    monkeypatch.setattr(reauthentication, "PASSWORDS", Allowance(all_.name, 2, all_.window, all_.message))
    ada = await sign_up(client, fresh())
    given = {"currentPassword": OTHER, "newPassword": OTHER}
    codes = [(await ada.ask(CHANGE_PASSWORD, input=given)).code for _ in range(3)]
    assert codes == ["WRONG_CREDENTIALS", "WRONG_CREDENTIALS", "LOCKED"]
    locked = await ada.ask(CHANGE_PASSWORD, input=given | {"currentPassword": PASSWORD})
    assert (locked.code, locked.path) == ("LOCKED", ["input", "currentPassword"])
    assert await who(client, ada.email) == ada.user_id
