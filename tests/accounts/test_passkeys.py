"""Passkeys: added and removed."""

import asyncio
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from models.passkey import PASSKEYS_LIMIT
from server.app import App
from tests.accounts.asking import events, owed, sql, uuid
from tests.accounts.guarded import Guarded
from tests.accounts.passkey_holder import (
    BEGIN,
    COMPLETE,
    DELETE,
    SIGN_IN,
    Holder,
    asked,
    begun,
    mine,
    page_of,
)
from tests.accounts.software_key import EDDSA, ES256, PRESENT, RS256, VERIFIED, SoftwareKey, decoded, encoded
from tests.client import PASSWORD, Answer, Client
from tests.people import somebody

WRONG = ("WRONG_CREDENTIALS", ["credential"])
INVALID = ("INVALID", ["credential"])
EXPIRED = ("EXPIRED", ["credential"])


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def nobody(town: tuple[App, Client]) -> Client:
    return town[1]


def refused(answer: Answer) -> tuple[str | None, list[str]]:
    return answer.code, answer.path


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
async def test_a_passkey_is_added_and_signs_in_by_itself(app: App, nobody: Client, algorithm: int) -> None:
    ada = await somebody(app, nobody, "Ada")
    options = await begun(ada)
    assert options["rp"] == {"name": "Leporello", "id": "localhost"}
    assert options["user"] == {"id": encoded(uuid(ada).bytes), "name": ada.email, "displayName": "Ada"}
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert (options["attestation"], options["timeout"], options["excludeCredentials"]) == ("none", 300_000, [])
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [EDDSA, ES256, RS256]
    key = SoftwareKey(page_of(nobody), algorithm)
    made = (await ada.ask(COMPLETE, name="  Phone ", credential=key.create(options))).it["passkey"]
    assert made == {**made, "name": "Phone", "lastUsedAt": None, "suspended": False}
    assert await mine(ada) == [{"id": made["id"], "name": "Phone", "lastUsedAt": None, "suspended": False}]
    assert (await begun(ada))["excludeCredentials"] == [
        {"id": encoded(key.id), "type": "public-key", "transports": ["hybrid", "internal"]}
    ]

    options = await asked(nobody)
    assert options == {
        "challenge": options["challenge"],
        "timeout": 300_000,
        "rpId": "localhost",
        "allowCredentials": [],
        "userVerification": "required",
    }
    device = {"name": "Kitchen", "platform": "OTHER"}
    payload = (await nobody.ask(SIGN_IN, credential=key.get(options), device=device)).it
    assert payload["viewer"]["user"]["id"] == ada.user_id and payload["tokens"]["refreshToken"]
    assert payload["viewer"]["session"]["device"] == {"name": "Kitchen"}
    assert (await mine(ada))[0]["lastUsedAt"] is not None
    assert await events(app, ada) == ["PASSKEY_ADDED", "SIGNED_IN"]
    assert await owed(app, ada) == [("mail.notice", "PASSKEY_ADDED")]


async def test_a_passkey_is_nobodys_but_its_owners_to_see(app: App, nobody: Client) -> None:
    ada, eve = await Holder.made(app, nobody), await somebody(app, nobody, "Eve")
    node = "query Node($id: ID!) { node(id: $id) { id } }"
    assert (await ada.client.ask(node, id=ada.passkey_id)).it == {"id": ada.passkey_id}
    for other in (eve, nobody):
        assert (await other.ask(node, id=ada.passkey_id)).it is None
    assert refused(await eve.ask(DELETE, id=ada.passkey_id)) == ("NOT_FOUND", ["id"])
    assert await mine(eve) == [] and len(await mine(ada.client)) == 1


@pytest.mark.parametrize(
    "lies",
    [
        {"origin": "https://evil.example.org"},
        {"origin": "http://localhost.evil.example.org"},
        {"domain": "evil.example.org"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"kind": "webauthn.get"},
        {"cross_origin": True},
        {"attested": b""},
        {"public_key": {1: 2, 3: ES256, -1: 1, -2: bytes(32), -3: bytes(32)}},
        {"public_key": {1: 2, 3: -36, -1: 1, -2: bytes(32), -3: bytes(32)}},
        {"public_key": {1: 3, 3: RS256, -1: b"\xff" * 2_000, -2: b"\x01\x00\x01"}},
    ],
)
async def test_what_was_not_asked_for_is_not_added(app: App, nobody: Client, lies: dict[str, Any]) -> None:
    ada = await somebody(app, nobody, "Ada")
    options = await begun(ada)
    key = SoftwareKey(page_of(nobody))
    assert refused(await ada.ask(COMPLETE, name="Phone", credential=key.create(options, **lies))) == INVALID
    # The challenge is used up by that.
    assert refused(await ada.ask(COMPLETE, name="Phone", credential=key.create(options))) == EXPIRED
    assert await mine(ada) == [] and await events(app, ada) == []


async def test_an_id_that_is_too_long_is_not_added(app: App, nobody: Client) -> None:
    ada = await somebody(app, nobody, "Ada")
    for length, code in ((1_024, "INVALID"), (1_023, None)):
        key = SoftwareKey(page_of(nobody), id=b"i" * length)
        assert (await ada.ask(COMPLETE, name="Phone", credential=key.create(await begun(ada)))).code == code


async def test_what_an_authenticator_states_of_itself_is_not_looked_at(app: App, nobody: Client) -> None:
    ada = await somebody(app, nobody, "Ada")
    key = SoftwareKey(page_of(nobody))
    statement = {"fmt": "packed", "attStmt": {"alg": ES256, "sig": b"rubbish", "x5c": [b"rubbish"]}}
    credential = key.create(await begun(ada), statement=statement)
    assert (await ada.ask(COMPLETE, name="Phone", credential=credential)).it["passkey"]["name"] == "Phone"


@pytest.mark.parametrize(
    "broken",
    [None, 1, [], {}, "{", {"id": 1}, {"id": "a", "rawId": "a", "type": "public-key", "response": {}}, "[" * 10_000],
)
async def test_rubbish_is_refused_and_breaks_nothing(app: App, nobody: Client, broken: Any) -> None:
    ada = await somebody(app, nobody, "Ada")
    whole = SoftwareKey(page_of(nobody)).create(await begun(ada))
    parts = [{**whole, "response": {**whole["response"], part: broken}} for part in whole["response"]]
    for credential in [broken, {**whole, "id": broken}, {**whole, "type": broken}, *parts[:2]]:
        if credential is None:
            continue
        assert refused(await ada.ask(COMPLETE, name="Phone", credential=credential)) in (INVALID, EXPIRED)
        assert refused(await nobody.ask(SIGN_IN, credential=credential)) in (INVALID, EXPIRED)
    long = {**whole, "more": "x" * 70_000}
    assert (await ada.ask(COMPLETE, name="Phone", credential=long)).code == "BAD_USER_INPUT"
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    assert (await nobody.ask(SIGN_IN, credential=deep)).code == "BAD_USER_INPUT"


async def test_a_challenge_is_one_sessions_and_good_once_and_five_minutes(app: App, nobody: Client) -> None:
    ada, eve = await somebody(app, nobody, "Ada"), await somebody(app, nobody, "Eve")
    key = SoftwareKey(page_of(nobody))
    made = key.create(await begun(ada))
    # Another's, and one that is to sign in with.
    assert refused(await eve.ask(COMPLETE, name="Phone", credential=made)) == EXPIRED
    to_sign_in = {**await begun(eve), **await asked(nobody)}
    mistaken = SoftwareKey(page_of(nobody)).create(to_sign_in)
    assert refused(await eve.ask(COMPLETE, name="Phone", credential=mistaken)) == EXPIRED
    assert (await ada.ask(COMPLETE, name="Phone", credential=made)).it["passkey"]
    assert refused(await ada.ask(COMPLETE, name="Phone", credential=made)) == EXPIRED
    # One that is to add with.
    registering = await begun(ada)
    credential = key.get({"rpId": "localhost", "challenge": registering["challenge"]})
    assert refused(await nobody.ask(SIGN_IN, credential=credential)) == EXPIRED
    used = key.get(await asked(nobody))
    assert (await nobody.ask(SIGN_IN, credential=used)).it["tokens"]
    assert refused(await nobody.ask(SIGN_IN, credential=used)) == EXPIRED
    options = await asked(nobody)
    late, hash = key.get(options), sha256(decoded(options["challenge"])).digest()
    await sql(app, "UPDATE passkey_challenges SET expires_at = now()")
    assert refused(await nobody.ask(SIGN_IN, credential=late)) == EXPIRED
    assert await sql(app, "SELECT FROM passkey_challenges WHERE hash = $1", hash) == []


async def test_one_challenge_waits_for_a_session(app: App, nobody: Client) -> None:
    ada, key = await somebody(app, nobody, "Ada"), SoftwareKey(page_of(nobody))
    first, second = await begun(ada), await begun(ada)
    assert refused(await ada.ask(COMPLETE, name="Phone", credential=key.create(first))) == EXPIRED
    assert (await ada.ask(COMPLETE, name="Phone", credential=key.create(second))).it["passkey"]


async def test_nobody_adds_one_that_is_anothers(app: App, nobody: Client) -> None:
    ada, eve = await Holder.made(app, nobody), await somebody(app, nobody, "Eve")
    copy = SoftwareKey(page_of(nobody), id=ada.key.id)
    answer = await eve.ask(COMPLETE, name="Phone", credential=copy.create(await begun(eve)))
    assert refused(answer) == ("TAKEN", ["credential"])
    assert await mine(eve) == [] and await events(app, eve) == []
    assert (await ada.comes_in()).user_id == ada.client.user_id


async def test_nobody_has_more_than_twenty(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody)
    waiting = SoftwareKey(page_of(nobody)).create(await begun(ada.client))
    copied = (
        "INSERT INTO passkeys SELECT gen_random_uuid(), user_id, credential_id || n::text::bytea, public_key, 0,"
        " '{}', 'Copy', now() FROM passkeys, generate_series(1, $2) n WHERE user_id = $1"
    )
    await sql(app, copied, uuid(ada.client), PASSKEYS_LIMIT - 1)
    assert refused(await ada.client.ask(COMPLETE, name="Key", credential=waiting)) == ("LIMIT_REACHED", [])
    assert refused(await ada.client.ask(BEGIN)) == ("LIMIT_REACHED", [])
    [copy, *_] = [each["id"] for each in await mine(ada.client) if each["name"] == "Copy"]
    assert (await ada.client.ask(DELETE, id=copy)).it["ok"] is True
    last = SoftwareKey(page_of(nobody)).create(await begun(ada.client))
    assert (await ada.client.ask(COMPLETE, name="Key", credential=last)).it["passkey"]
    assert len(await mine(ada.client)) == PASSKEYS_LIMIT


async def test_adding_and_removing_take_the_password(app: App, nobody: Client) -> None:
    ada = await nobody.sign_up("Passkeyada")
    for password, refusal in ((None, "REQUIRED"), ("a wrong one", "WRONG_CREDENTIALS")):
        assert refused(await ada.ask(BEGIN, password=password)) == (refusal, ["password"])
    key = SoftwareKey(page_of(nobody))
    options = await begun(ada, password=PASSWORD)
    passkey = (await ada.ask(COMPLETE, name="Phone", credential=key.create(options))).it["passkey"]
    for password, refusal in ((None, "REQUIRED"), ("a wrong one", "WRONG_CREDENTIALS")):
        assert refused(await ada.ask(DELETE, id=passkey["id"], password=password)) == (refusal, ["password"])
    assert len(await mine(ada)) == 1
    assert (await ada.ask(DELETE, id=passkey["id"], password=PASSWORD)).it["ok"] is True
    assert await mine(ada) == []
    assert refused(await nobody.ask(SIGN_IN, credential=key.get(await asked(nobody)))) == WRONG
    wrong = "PASSWORD_FAILED"
    assert await events(app, ada) == ["SIGNED_UP", "SIGNED_IN", wrong, "PASSKEY_ADDED", wrong, "PASSKEY_REMOVED"]


async def test_who_has_no_password_needs_a_session_of_the_last_minutes(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody)
    await sql(app, "UPDATE sessions SET created_at = now() - interval '10 min' WHERE user_id = $1", uuid(ada.client))
    assert refused(await ada.client.ask(BEGIN)) == ("EXPIRED", ["password"])
    assert refused(await ada.client.ask(DELETE, id=ada.passkey_id)) == ("EXPIRED", ["password"])
    # Signing in again is enough.
    assert await begun(await ada.comes_in())


async def test_whoever_found_a_session_and_a_password_does_not_come_past_the_second_factor(
    app: App, nobody: Client
) -> None:
    ada = await Guarded.made(app, nobody)
    ask = ada.client.ask
    assert refused(await ask(BEGIN, password=PASSWORD)) == ("REQUIRED", ["code"])
    wrong = ada.authenticator.wrong()
    assert refused(await ask(BEGIN, password=PASSWORD, code=wrong)) == ("WRONG_CREDENTIALS", ["code"])
    assert refused(await ask(BEGIN, code=ada.authenticator.code())) == ("REQUIRED", ["password"])
    assert await sql(app, "SELECT FROM passkey_challenges WHERE user_id = $1", ada.id) == []
    assert await ada.events() == ["SECOND_FACTOR_FAILED"]

    key = SoftwareKey(page_of(nobody))
    options = await begun(ada.client, password=PASSWORD, code=ada.authenticator.code())
    assert (await ask(COMPLETE, name="Phone", credential=key.create(options))).it["passkey"]
    # It has verified its user, which is two factors: no code is asked.
    payload = (await nobody.ask(SIGN_IN, credential=key.get(await asked(nobody)))).it
    assert payload["challenge"] is None and payload["viewer"]["user"]["id"] == ada.client.user_id
    # A code that was used is good for no other passkey.
    used = ada.authenticator.code()
    assert refused(await ask(BEGIN, password=PASSWORD, code=used)) == ("WRONG_CREDENTIALS", ["code"])


async def test_wrong_codes_lock_here_too(app: App, nobody: Client) -> None:
    ada = await Guarded.made(app, nobody)
    wrong = ada.authenticator.wrong()
    codes = [(await ada.client.ask(BEGIN, password=PASSWORD, code=wrong)).code for _ in range(11)]
    assert codes == ["WRONG_CREDENTIALS"] * 10 + ["LOCKED"]


async def test_the_last_way_in_stays(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody)
    assert refused(await ada.client.ask(DELETE, id=ada.passkey_id)) == ("CONFLICT", ["id"])
    second = SoftwareKey(page_of(nobody)).create(await begun(ada.client))
    second_id = (await ada.client.ask(COMPLETE, name="Key", credential=second)).it["passkey"]["id"]
    # One that is no good any more is no way in, and can always go.
    suspend = "UPDATE passkeys SET suspended_at = $2 WHERE id = $1"
    await sql(app, suspend, UUID(second_id[3:]), datetime.now(UTC))
    assert refused(await ada.client.ask(DELETE, id=ada.passkey_id)) == ("CONFLICT", ["id"])
    await sql(app, suspend, UUID(second_id[3:]), None)
    # Of both at once one stays.
    answers = await asyncio.gather(*(ada.client.ask(DELETE, id=id) for id in (ada.passkey_id, second_id)))
    assert sorted(str(answer.code) for answer in answers) == ["CONFLICT", "None"]
    assert len(await mine(ada.client)) == 1


async def test_a_password_is_a_way_in_with_an_address(app: App, nobody: Client) -> None:
    ada = await nobody.sign_up("Addressada")
    credential = SoftwareKey(page_of(nobody)).create(await begun(ada, password=PASSWORD))
    id = (await ada.ask(COMPLETE, name="Phone", credential=credential)).it["passkey"]["id"]
    await sql(app, "UPDATE users SET email = NULL WHERE id = $1", uuid(ada))
    assert refused(await ada.ask(DELETE, id=id, password=PASSWORD)) == ("CONFLICT", ["id"])
    await sql(app, "UPDATE users SET email = $2 WHERE id = $1", uuid(ada), ada.email)
    assert (await ada.ask(DELETE, id=id, password=PASSWORD)).it["ok"] is True


async def test_a_guest_adds_none_and_nobody_even_less(app: App, nobody: Client) -> None:
    guest = await somebody(app, nobody, "Gast")
    await sql(app, "UPDATE users SET is_guest = true WHERE id = $1", uuid(guest))
    assert refused(await guest.ask(BEGIN)) == ("CONFLICT", [])
    assert (await nobody.ask(BEGIN)).code == "UNAUTHENTICATED"
    assert (await nobody.ask(COMPLETE, name="Phone", credential={})).code == "UNAUTHENTICATED"
    assert (await nobody.ask(DELETE, id="pk_x")).code == "UNAUTHENTICATED"
