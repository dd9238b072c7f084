"""A password set anew by whoever reads the address' mail."""

import asyncio

import pytest

from models import Purpose
from server.app import App
from tests.accounts.asking import (
    ADDRESS,
    CHANGE_EMAIL,
    DONE,
    OTHER,
    REQUEST_RESET,
    RESET,
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
from tests.client import PASSWORD, REFRESH, Answer, Client

VIEWER = "{ viewer { email } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


async def reset(client: Client, token: str, password: str = OTHER) -> Answer:
    return await client.ask(RESET, input={"token": token, "newPassword": password})


async def test_a_reset_ends_all_sessions_and_signs_in(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    phone = await client.sign_in(ada.email, PASSWORD)
    signed = (await reset(client, await link(app, ada, Purpose.RESET))).it
    assert signed["viewer"]["user"]["id"] == ada.user_id and signed["tokens"]
    for person in (ada, phone):
        assert (await person.ask(VIEWER)).code == "UNAUTHENTICATED"
        assert (await person.ask(REFRESH, token=person.refresh_token)).code == "EXPIRED"
    assert await who(client, ada.email) is None
    assert await who(client, ada.email, OTHER) == ada.user_id
    assert (await events(app, ada))[-4:-2] == ["PASSWORD_RESET", "SIGNED_IN"]
    assert ("mail.notice", "PASSWORD_RESET") in await owed(app, ada)


async def test_a_link_is_good_once_for_two_hours_until_the_next(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    older, newer = [await link(app, ada, Purpose.RESET) for _ in range(2)]
    [row] = await sql(app, "SELECT expires_at - made_at AS life FROM email_links WHERE user_id = $1", uuid(ada))
    assert row["life"].total_seconds() == 2 * 3600
    for token in (older, "", "x" * 500_000, await link(app, ada, Purpose.VERIFY)):
        refused = await reset(client, token)
        assert (refused.code, refused.path) == ("EXPIRED", ["input", "token"])
    assert (await client.ask(VERIFY, token=newer)).code == "EXPIRED"
    answers = await asyncio.gather(*(reset(client, newer, f"{OTHER} {n}") for n in range(3)))
    assert sorted(str(answer.code) for answer in answers) == ["EXPIRED", "EXPIRED", "None"]
    late = await link(app, ada, Purpose.RESET)
    await sql(app, "UPDATE email_links SET expires_at = now() WHERE user_id = $1", uuid(ada))
    assert (await reset(client, late)).code == "EXPIRED"


async def test_a_poor_password_leaves_everything_and_the_link_as_it_was(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    token = await link(app, ada, Purpose.RESET)
    for password in ("password1", "short", ada.email):
        refused = await reset(client, token, password)
        assert (refused.code, refused.path) == ("INVALID", ["input", "newPassword"])
    assert (await ada.ask(VIEWER)).it == {"email": ada.email}
    assert (await reset(client, token)).it["tokens"]


async def test_who_reads_the_mail_of_an_unconfirmed_address_confirms_it(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    token = await link(app, ada, Purpose.RESET)
    assert (await reset(client, token)).it
    back = await client.sign_in(ada.email, OTHER)
    assert (await back.ask(ADDRESS)).it == {"email": ada.email, "emailVerified": True}


async def test_nobody_gets_an_account_that_somebody_else_may_have_left_for_them(app: App, client: Client) -> None:
    email = fresh()
    ada = await sign_up(client, email)
    token = await link(app, ada, Purpose.RESET)
    eve = await sign_up(client, email, "Eve", OTHER)
    # Who comes later neither gets a link nor ends those of who has had the address for longer.
    assert await offered(app, eve, Purpose.RESET) is None
    assert (await reset(client, token)).it["viewer"]["user"]["id"] == ada.user_id
    assert (await ada.ask(VIEWER)).code == "UNAUTHENTICATED"
    assert (await eve.ask(ADDRESS)).it == {"email": None, "emailVerified": False}

    # A key that only who signed up has would still open it afterwards.
    trap = await sign_up(client, fresh(), "Eve")
    token = await link(app, trap, Purpose.RESET)
    await sql(
        app,
        "INSERT INTO identities (id, user_id, provider, issuer, subject, label, created_at)"
        " VALUES (gen_random_uuid(), $1, 'p', 'i', $2, 'eve', now())",
        uuid(trap),
        trap.email,
    )
    assert await offered(app, trap, Purpose.RESET) is None
    assert (await reset(client, token)).code == "EXPIRED"


async def test_what_a_thief_has_begun_is_over_with_the_reset(app: App, client: Client) -> None:
    ada, thiefs = await sign_up(client, fresh()), fresh()
    await confirm(app, ada)
    assert (await ada.ask(CHANGE_EMAIL, input={"password": PASSWORD, "newEmail": thiefs})).it == DONE
    change = await link(app, ada, Purpose.CHANGE, thiefs)
    assert (await reset(client, await link(app, ada, Purpose.RESET))).it["tokens"]
    assert (await client.ask(VERIFY, token=change)).code == "EXPIRED"
    assert await offered(app, ada, Purpose.CHANGE, thiefs) is None


async def test_a_disabled_account_is_not_opened_by_it(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    token = await link(app, ada, Purpose.RESET)
    await sql(app, "UPDATE users SET disabled_at = now() WHERE id = $1", uuid(ada))
    assert (await reset(client, token)).code == "FORBIDDEN"
    assert await offered(app, ada, Purpose.RESET) is None
    await sql(app, "UPDATE users SET disabled_at = NULL WHERE id = $1", uuid(ada))
    # Nothing was done, not even half.
    assert await who(client, ada.email) == ada.user_id


async def test_asking_for_one_is_answered_alike_for_every_address(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await sql(app, "DELETE FROM jobs")
    unknown = fresh()
    for email in (ada.email, unknown, "no address", "x" * 300_000):
        assert (await client.ask(REQUEST_RESET, email=email)).it == DONE
    rows = await sql(app, "SELECT name, payload ->> 'email' AS email FROM jobs ORDER BY id")
    assert [(row["name"], row["email"]) for row in rows] == [
        ("mail.password_reset", ada.email),
        ("mail.password_reset", unknown),
    ]
