"""What whoever signed up with somebody else's address has left there is gone once that one confirms it."""

from dataclasses import dataclass
from typing import Any, Self

import pytest

from models import Purpose
from server.app import App
from tests.accounts import guarded
from tests.accounts import passkey_holder as passkeys
from tests.accounts.asking import (
    CHANGE_EMAIL,
    DONE,
    ENTER,
    OTHER,
    RESET,
    VERIFY,
    confirm,
    events,
    fresh,
    link,
    owed,
    sign_up,
    sql,
    uuid,
)
from tests.accounts.authenticator import Authenticator
from tests.accounts.software_key import SoftwareKey
from tests.client import PASSWORD, Client
from tests.people import somebody

LEFT = """
SELECT (SELECT count(*) FROM passkeys WHERE user_id = $1) AS passkeys,
  (SELECT count(*) FROM identities WHERE user_id = $1) AS identities,
  (SELECT count(*) FROM totps WHERE user_id = $1) AS totps,
  (SELECT count(*) FROM recovery_codes WHERE user_id = $1) AS codes,
  (SELECT count(*) FROM sign_ins WHERE user_id = $1) AS waiting
"""
LINK = """
INSERT INTO identities (id, user_id, provider, issuer, subject, label, created_at)
VALUES (gen_random_uuid(), $1, 'p', 'i', $2, 'eve', now())
"""
ALL = {"passkeys": 1, "identities": 1, "totps": 1, "codes": 10, "waiting": 1}
NOTHING = dict.fromkeys(ALL, 0)
TOLD = ["IDENTITY_UNLINKED", "PASSKEY_REMOVED", "TWO_FACTOR_DISABLED"]


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


@dataclass
class Squatter:
    """With every key that there is, at an address that was not confirmed."""

    app: App
    client: Client
    key: SoftwareKey

    @classmethod
    async def made(cls, app: App, nobody: Client) -> Self:
        eve = await sign_up(nobody, fresh(), "Eve")
        key = SoftwareKey(passkeys.page_of(nobody))
        made = key.create(await passkeys.begun(eve, password=PASSWORD))
        assert (await eve.ask(passkeys.COMPLETE, name="Phone", credential=made)).it["passkey"]
        await sql(app, LINK, uuid(eve), eve.email)
        secret = (await eve.ask(guarded.BEGIN, password=PASSWORD)).it["secret"]
        assert (await eve.ask(guarded.CONFIRM, code=Authenticator(secret).code())).it["recoveryCodes"]
        entering = {"email": eve.email, "password": PASSWORD}
        assert (await nobody.ask(ENTER, input=entering)).it["challenge"]["kind"] == "TOTP"
        await sql(app, "DELETE FROM jobs")
        return cls(app, eve, key)

    async def left(self) -> dict[str, int]:
        [row] = await sql(self.app, LEFT, uuid(self.client))
        return dict(row)

    async def told(self) -> list[str]:
        """What was noted of keys that went."""
        return sorted(kind for kind in await events(self.app, self.client) if kind in TOLD)

    async def comes_in(self) -> bool:
        """By the passkey."""
        nobody = Client(self.client.http, self.client.url)
        answer = await nobody.ask(passkeys.SIGN_IN, credential=self.key.get(await passkeys.asked(nobody)))
        return not answer.user_errors and bool(answer.it["tokens"])


@pytest.mark.parametrize("is_somebody", [False, True])
async def test_who_opens_the_link_of_an_account_that_is_not_theirs_leaves_only_its_password(
    app: App, client: Client, is_somebody: bool
) -> None:
    eve = await Squatter.made(app, client)
    assert await eve.left() == ALL and await eve.comes_in()
    begun = await passkeys.asked(client)
    victim = await somebody(app, client, "Ada") if is_somebody else client
    assert (await victim.ask(VERIFY, token=await link(app, eve.client, Purpose.VERIFY))).it == DONE
    assert await eve.left() == NOTHING and await eve.told() == TOLD
    assert sorted(str(kind) for name, kind in await owed(app, eve.client) if name == "mail.notice") == TOLD
    assert not await eve.comes_in()
    assert (await client.ask(passkeys.SIGN_IN, credential=eve.key.get(begun))).user_errors

    token = await link(app, eve.client, Purpose.RESET)
    reset: Any = (await client.ask(RESET, input={"token": token, "newPassword": OTHER})).it
    assert reset["tokens"] and reset["challenge"] is None
    assert not await eve.comes_in()


async def test_a_key_that_was_begun_and_not_finished_is_gone_too(app: App, client: Client) -> None:
    eve = await sign_up(client, fresh(), "Eve")
    key, begun = SoftwareKey(passkeys.page_of(client)), await passkeys.begun(eve, password=PASSWORD)
    secret = (await eve.ask(guarded.BEGIN, password=PASSWORD)).it["secret"]
    assert (await client.ask(VERIFY, token=await link(app, eve, Purpose.VERIFY))).it == DONE
    assert (await eve.ask(passkeys.COMPLETE, name="Phone", credential=key.create(begun))).code == "EXPIRED"
    assert (await eve.ask(guarded.CONFIRM, code=Authenticator(secret).code())).code == "EXPIRED"
    # There was none to be told of.
    assert set(await events(app, eve)).isdisjoint(TOLD)


async def test_who_confirms_their_own_address_keeps_their_keys(app: App, client: Client) -> None:
    ada = await Squatter.made(app, client)
    await confirm(app, ada.client)
    assert await ada.left() == ALL and await ada.told() == [] and await ada.comes_in()


@pytest.mark.parametrize(("was_confirmed", "left"), [(True, ALL), (False, NOTHING)])
async def test_a_change_takes_keys_from_an_account_that_had_confirmed_nothing(
    app: App, client: Client, was_confirmed: bool, left: dict[str, int]
) -> None:
    eve = await Squatter.made(app, client)
    if was_confirmed:
        await confirm(app, eve.client)
    new = fresh()
    assert (await eve.client.ask(CHANGE_EMAIL, input={"password": PASSWORD, "newEmail": new})).it == DONE
    assert (await client.ask(VERIFY, token=await link(app, eve.client, Purpose.CHANGE, new))).it == DONE
    assert await eve.left() == left and await eve.comes_in() is was_confirmed
