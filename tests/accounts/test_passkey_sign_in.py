"""Signing in with a passkey: what is refused, copies, and what is not told."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from resolvers.attempts import Allowance
from resolvers.keyring import Keyring
from resolvers.passkey.decoys import decoys
from resolvers.passkey.signing_in import BEGUN, TRIES
from resolvers.sign_in.tries import FAILURES_A_DAY
from server.app import App
from tests.accounts.asking import events, owed, sql, uuid
from tests.accounts.passkey_holder import BEGIN_SIGN_IN, DELETE, SIGN_IN, Holder, asked, begun, mine, page_of
from tests.accounts.software_key import PRESENT, VERIFIED, SoftwareKey, encoded
from tests.client import BOOK, Answer, Client
from tests.people import made_book, somebody

WRONG = ("WRONG_CREDENTIALS", ["credential"])
INVALID = ("INVALID", ["credential"])


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def nobody(town: tuple[App, Client]) -> Client:
    return town[1]


def refused(answer: Answer) -> tuple[str | None, list[str]]:
    return answer.code, answer.path


async def sessions(app: App, person: Client) -> int:
    [row] = await sql(app, "SELECT count(*) FROM sessions WHERE user_id = $1", uuid(person))
    return int(row["count"])


@pytest.mark.parametrize(
    "lies",
    [
        {"origin": "https://evil.example.org"},
        {"origin": "http://localhost"},
        {"domain": "evil.example.org"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"kind": "webauthn.create"},
        {"cross_origin": True},
        {"signature": b""},
        {"signature": b"0" * 71},
        {"user_handle": b"another's"},
    ],
)
async def test_a_sign_in_that_does_not_fit_is_refused(app: App, nobody: Client, lies: dict[str, Any]) -> None:
    ada = await Holder.made(app, nobody)
    answer = await ada.sign_in(**lies)
    assert refused(answer) == WRONG
    unknown = SoftwareKey(page_of(nobody)).get(await asked(nobody))
    assert (await nobody.ask(SIGN_IN, credential=unknown)).user_errors == answer.user_errors
    assert await sessions(app, ada.client) == 1
    assert await events(app, ada.client) == ["PASSKEY_ADDED", "SIGN_IN_FAILED"]
    # The owner is not kept out by that.
    await ada.comes_in()


async def test_what_was_signed_cannot_be_changed(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody)
    honest, other = ada.key.get(await asked(nobody)), ada.key.get(await asked(nobody))
    for part in ("clientDataJSON", "authenticatorData", "signature"):
        mixed = {**honest, "response": {**honest["response"], part: other["response"][part]}}
        assert (await nobody.ask(SIGN_IN, credential=mixed)).code in ("WRONG_CREDENTIALS", "EXPIRED")
    assert await sessions(app, ada.client) == 1


@pytest.mark.parametrize("count", [0, 1, 4, 5])
async def test_a_copy_is_refused_and_the_passkey_no_good_any_more(app: App, nobody: Client, count: int) -> None:
    ada = await Holder.made(app, nobody)
    await ada.comes_in(count=5)
    # One that only says so is nobody's copy: what is counted is signed.
    assert refused(await ada.sign_in(count=count, signature=b"")) == WRONG
    assert (await mine(ada.client))[0]["suspended"] is False
    assert refused(await ada.sign_in(count=count)) == ("FORBIDDEN", ["credential"])
    assert (await mine(ada.client))[0]["suspended"] is True
    assert refused(await ada.sign_in(count=99)) == ("FORBIDDEN", ["credential"])
    assert await sessions(app, ada.client) == 2
    assert (await events(app, ada.client))[1:] == ["SIGNED_IN", "SIGN_IN_FAILED", "PASSKEY_CLONED"]
    assert [kind for _, kind in await owed(app, ada.client)] == ["PASSKEY_ADDED", "PASSKEY_CLONED"]
    # The authenticator may make another, and the old one can go.
    assert (await begun(ada.client))["excludeCredentials"] == []
    assert (await ada.client.ask(DELETE, id=ada.passkey_id)).it["ok"] is True


async def test_many_do_not_count_at_all(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody, counts=False)
    for _ in range(3):
        await ada.comes_in()


async def test_of_two_uses_with_the_same_count_at_once_one_comes_in(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody)
    answers = await asyncio.gather(ada.sign_in(count=7), ada.sign_in(count=7))
    assert sorted(str(answer.code) for answer in answers) == ["FORBIDDEN", "None"]


async def test_an_account_that_is_disabled_stays_closed(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody)
    await sql(app, "UPDATE users SET disabled_at = now() WHERE id = $1", uuid(ada.client))
    assert (await ada.sign_in()).code == "FORBIDDEN"
    assert await sessions(app, ada.client) == 1


async def test_with_an_address_nobody_learns_who_has_an_account(app: App, nobody: Client) -> None:
    ada, ben = await Holder.made(app, nobody), await somebody(app, nobody, "Ben")
    own = await asked(nobody, ada.client.email.upper())
    assert [each["id"] for each in own["allowCredentials"]] == [encoded(ada.key.id)]
    made_up = [await asked(nobody, email) for email in (ben.email, ben.email.title(), "nobody@example.org")]
    ids = [[each["id"] for each in options["allowCredentials"]] for options in made_up]
    assert ids[0] == ids[1] and not set(ids[0]) & set(ids[2]) and encoded(ada.key.id) not in ids[0] + ids[2]
    for shown in [each for options in made_up for each in options["allowCredentials"]]:
        assert {**shown, "id": ""} in (
            {"id": "", "type": "public-key", "transports": ["hybrid", "internal"]},
            {"id": "", "type": "public-key", "transports": ["internal"]},
        )
    assert refused(await nobody.ask(BEGIN_SIGN_IN, email="none")) == ("INVALID", ["email"])
    # With whichever list it was asked for: a passkey comes in, so that it does not tell whose list that was.
    for email in (ada.client.email, ben.email, "nobody@example.org"):
        credential = ada.key.get(await asked(nobody, email))
        assert (await nobody.ask(SIGN_IN, credential=credential)).it["viewer"]["user"]["id"] == ada.client.user_id
    # Browsers leave out whose it is where it was said.
    credential = ada.key.get(await asked(nobody, ada.client.email))
    del credential["response"]["userHandle"]
    assert (await nobody.ask(SIGN_IN, credential=credential)).it["tokens"]
    # One that may have been copied is asked for no more.
    await sql(app, "UPDATE passkeys SET suspended_at = now() WHERE user_id = $1", uuid(ada.client))
    shown = (await asked(nobody, ada.client.email))["allowCredentials"]
    assert shown and encoded(ada.key.id) not in [each["id"] for each in shown]


def test_nobody_has_one_to_three_as_people_do_whatever_secret_comes() -> None:
    keyring = Keyring("a first secret")
    people = [f"{number}@example.org" for number in range(2_000)]
    lists = [decoys(keyring, email) for email in people]
    counts = Counter(len(each) for each in lists)
    assert counts.keys() == {1, 2, 3} and counts[1] > 2 * counts[2] > 2 * counts[3] > 100
    ids = [each.credential_id for one in lists for each in one]
    assert len(set(ids)) == len(ids)
    # Somebody's own do not change with it either.
    newer = Keyring("a third secret", ["a second secret", "a first secret"])
    assert [decoys(newer, email.upper()) for email in people[:50]] == lists[:50]
    assert decoys(Keyring("another secret"), people[0]) != lists[0]


async def test_whoever_has_confirmed_the_address_is_asked_alone(app: App, nobody: Client) -> None:
    ada, eve = await Holder.made(app, nobody), await Holder.made(app, nobody)
    await sql(app, "UPDATE users SET email_verified_at = NULL, email = $2 WHERE id = $1", uuid(eve.client), "e@x.org")
    assert [each["id"] for each in (await asked(nobody, "e@x.org"))["allowCredentials"]] == [encoded(eve.key.id)]
    email = "UPDATE users SET email = $2 WHERE id = $1"
    await sql(app, email, uuid(eve.client), ada.client.email)
    assert [each["id"] for each in (await asked(nobody, ada.client.email))["allowCredentials"]] == [encoded(ada.key.id)]
    # Also where they have none: another's would say that they have none.
    ben = await somebody(app, nobody, "Ben")
    before = await asked(nobody, ben.email)
    await sql(app, email, uuid(eve.client), ben.email)
    assert (await asked(nobody, ben.email))["allowCredentials"] == before["allowCredentials"]


async def test_a_device_has_a_name(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody)
    credential = ada.key.get(await asked(nobody))
    answer = await nobody.ask(SIGN_IN, credential=credential, device={"name": " ", "platform": "OTHER"})
    assert refused(answer) == ("INVALID", ["device", "name"])


async def test_what_is_no_good_is_counted_and_what_waits_too(running: tuple[App, str], client: Client) -> None:
    app, _ = running
    ada = await Holder.made(app, client)

    async def leave(allowance: Allowance, left: int) -> None:
        """As many were taken that so many are left."""
        key = app.parts.keyring.hash(f"attempt {allowance.name}", "127.0.0.1")
        await sql(app, "DELETE FROM attempts")
        made = "INSERT INTO attempts SELECT gen_random_uuid(), $1, now() FROM generate_series(1, $2)"
        await sql(app, made, key, allowance.limit - left)

    await leave(TRIES, 1)
    for _ in range(2):
        await ada.comes_in()
    assert refused(await ada.sign_in(signature=b"")) == WRONG
    assert refused(await ada.sign_in()) == ("LOCKED", ["credential"])
    await leave(BEGUN, 1)
    assert await asked(client)
    assert refused(await client.ask(BEGIN_SIGN_IN)) == ("LOCKED", ["email"])
    assert await begun(ada.client)


async def test_an_owner_is_shown_twenty_failures_a_day_beside_those_of_passwords(app: App, nobody: Client) -> None:
    ada = await Holder.made(app, nobody)
    noted = (
        "INSERT INTO security_events (id, user_id, kind, at, details)"
        " SELECT gen_random_uuid(), $1, 'SIGN_IN_FAILED', now(), $3::text::jsonb FROM generate_series(1, $2)"
    )
    await sql(app, noted, uuid(ada.client), FAILURES_A_DAY, "{}")
    await sql(app, noted, uuid(ada.client), FAILURES_A_DAY - 1, '{"proof": "PASSKEY"}')
    for _ in range(2):
        assert refused(await ada.sign_in(signature=b"")) == WRONG
    assert (await events(app, ada.client)).count("SIGN_IN_FAILED") == 2 * FAILURES_A_DAY


async def test_a_credential_may_stand_in_the_document(nobody: Client) -> None:
    document = "mutation { completePasskeySignIn(credential: %s) { userErrors { code path } } }"
    assert refused(await nobody.ask(document % '{id: "a", more: [1, 2.5, true, null, {}]}')) == INVALID
    assert (await nobody.ask(document % f'{{id: "{"a" * 70_000}"}}')).code == "BAD_USER_INPUT"


async def test_over_a_guests_session_the_guest_is_taken_in(app: App, nobody: Client) -> None:
    ada, guest = await Holder.made(app, nobody), await somebody(app, nobody, "Gast")
    await sql(app, "UPDATE users SET is_guest = true, email = NULL WHERE id = $1", uuid(guest))
    book_id = await made_book(guest)
    payload = (await guest.ask(SIGN_IN, credential=ada.key.get(await asked(guest)))).it
    assert payload["viewer"]["user"]["id"] == ada.client.user_id
    assert (await ada.client.ask(BOOK, id=book_id)).it["viewerRole"] == "OWNER"
    assert await sql(app, "SELECT FROM users WHERE id = $1", uuid(guest)) == []
