"""A password that is changed: asked for again, and the end of whatever the old one had opened."""

from dataclasses import replace
from typing import Any

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
DISABLE = "mutation D($input: DisableTwoFactorInput!) { disableTwoFactor(input: $input) { userErrors { code } } }"


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


async def test_it_is_not_changed_to_what_it_is(app: App, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await sign_up(client, fresh())
    phone = await client.sign_in(ada.email, PASSWORD)
    hashed: list[str] = []
    monkeypatch.setattr(app.parts.passwords, "_hasher", _Counted(app.parts.passwords._hasher, hashed))
    refused = await ada.ask(CHANGE_PASSWORD, input={"currentPassword": PASSWORD, "newPassword": PASSWORD})
    assert (refused.code, refused.path) == ("INVALID", ["input", "newPassword"])
    assert refused.user_errors[0]["message"] == "This is the password that you have. Choose another."
    assert hashed == ["verify"]
    assert (await phone.ask(VIEWER)).it == {"email": ada.email}
    # Of who has none, whatever is sent as the old one is none of theirs.
    await sql(app, "UPDATE users SET password_hash = NULL WHERE id = $1", uuid(ada))
    assert (await ada.ask(CHANGE_PASSWORD, input={"currentPassword": OTHER, "newPassword": OTHER})).it
    assert await who(client, ada.email, OTHER) == ada.user_id


class _Counted:
    """A hasher that says what was asked of it."""

    def __init__(self, hasher: Any, asked: list[str]) -> None:
        self._hasher = hasher
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        self._asked.append(name)
        return getattr(self._hasher, name)


async def test_wrong_ones_within_a_session_are_shown_to_its_user_whatever_was_tried_from_outside(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reauthentication, "PASSWORDS", replace(reauthentication.PASSWORDS, limit=3))
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    await sql(
        app,
        "INSERT INTO security_events (id, user_id, kind, at, details) SELECT gen_random_uuid(), $1, kind, now(), '{}'"
        " FROM unnest(ARRAY['SIGN_IN_FAILED', 'SIGN_IN_LOCKED']) AS kind, generate_series(1, 20)",
        uuid(ada),
    )
    before = len(await events(app, ada))
    for document, given in (
        (CHANGE_PASSWORD, {"input": {"currentPassword": OTHER, "newPassword": OTHER}}),
        (CHANGE_EMAIL, {"input": {"password": OTHER, "newEmail": fresh()}}),
        (DISABLE, {"input": {"password": OTHER, "code": "123456"}}),
    ):
        assert (await ada.ask(document, **given)).code == "WRONG_CREDENTIALS"
    assert (await events(app, ada))[before:] == ["PASSWORD_FAILED", "PASSWORD_FAILED", "PASSWORD_LOCKED"]
    assert [kind for _, kind in await owed(app, ada) if kind] == ["PASSWORD_LOCKED"]


async def test_the_mail_about_a_lock_within_a_session_names_its_device(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reauthentication, "PASSWORDS", replace(reauthentication.PASSWORDS, limit=1))
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    for device, named in ((None, client.http.headers["user-agent"]), ("Kitchen", "Kitchen")):
        await sql(app, "DELETE FROM attempts")
        await sql(app, "UPDATE sessions SET device_name = $2 WHERE user_id = $1", uuid(ada), device)
        refused = await ada.ask(CHANGE_PASSWORD, input={"currentPassword": OTHER, "newPassword": OTHER})
        assert refused.code == "WRONG_CREDENTIALS"
        [facts] = await sql(
            app,
            "DELETE FROM jobs WHERE payload->>'kind' = 'PASSWORD_LOCKED' AND payload->>'user_id' = $1::uuid::text"
            " RETURNING payload->'facts'->>'device' AS device, payload->'facts'->>'ip_address' AS ip_address",
            uuid(ada),
        )
        assert facts["device"] == named and facts["ip_address"]


async def test_wrong_ones_within_a_session_use_up_nothing_of_what_sign_ins_are_shown_by(
    app: App, client: Client
) -> None:
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    await sql(
        app,
        "INSERT INTO security_events (id, user_id, kind, at, details) SELECT gen_random_uuid(), $1, kind, now(), '{}'"
        " FROM unnest(ARRAY['PASSWORD_FAILED', 'PASSWORD_LOCKED']) AS kind, generate_series(1, 20)",
        uuid(ada),
    )
    assert await who(client, ada.email, OTHER) is None
    assert (await events(app, ada)).count("SIGN_IN_FAILED") == 1


@pytest.mark.parametrize(("limit", "kind"), [(100, "PASSWORD_FAILED"), (1, "PASSWORD_LOCKED")])
async def test_they_are_shown_and_told_of_so_often_a_day(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch, limit: int, kind: str
) -> None:
    monkeypatch.setattr(reauthentication, "PASSWORDS", replace(reauthentication.PASSWORDS, limit=limit))
    monkeypatch.setattr(reauthentication, "FAILURES_A_DAY", 2)
    monkeypatch.setattr(reauthentication, "LOCKS_A_DAY", 2)
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    given = {"currentPassword": OTHER, "newPassword": OTHER}

    async def wrong() -> None:
        assert (await ada.ask(CHANGE_PASSWORD, input=given)).code == "WRONG_CREDENTIALS"
        await sql(app, "DELETE FROM attempts")

    for _ in range(4):
        await wrong()
    assert (await events(app, ada)).count(kind) == 2
    assert [told for _, told in await owed(app, ada) if told] == (["PASSWORD_LOCKED"] * 2 if limit == 1 else [])


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
