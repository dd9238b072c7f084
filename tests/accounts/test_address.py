"""Addresses: confirmed by what was mailed to them, and changed so."""

import asyncio

import pytest

from models import Purpose
from server.app import App
from tests.accounts.asking import (
    ADDRESS,
    CHANGE_EMAIL,
    DONE,
    OTHER,
    REQUEST_VERIFICATION,
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
from tests.client import INVITATIONS, INVITE, PASSWORD, Client
from tests.people import ACCEPT, made_book, somebody

ACCEPT_MAILED = (
    "mutation A($token: String) { acceptInvitation(token: $token) { book { id } userErrors { code path } } }"
)


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


async def test_a_link_confirms_once_and_signs_nobody_in(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    token = await link(app, ada, Purpose.VERIFY)
    answers = await asyncio.gather(*(client.ask(VERIFY, token=token) for _ in range(10)))
    assert sorted(str(answer.code) for answer in answers) == ["EXPIRED"] * 9 + ["None"]
    assert (await ada.ask(ADDRESS)).it["emailVerified"] is True
    assert (await events(app, ada)).count("EMAIL_VERIFIED") == 1
    [row] = await sql(app, "SELECT count(*) FROM sessions WHERE user_id = $1", uuid(ada))
    assert row["count"] == 1
    assert await offered(app, ada, Purpose.VERIFY) is None


async def test_a_link_that_is_old_unknown_followed_or_for_something_else_is_dead(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    followed = await link(app, ada, Purpose.VERIFY)
    old = await link(app, ada, Purpose.VERIFY)
    await sql(app, "UPDATE email_links SET expires_at = now() WHERE user_id = $1", uuid(ada))
    for token in (followed, old, "", "x" * 500_000, "ünknown", await link(app, ada, Purpose.RESET)):
        refused = await client.ask(VERIFY, token=token)
        assert (refused.code, refused.path) == ("EXPIRED", ["token"])
    assert (await ada.ask(ADDRESS)).it["emailVerified"] is False
    rows = await sql(app, "SELECT expires_at - made_at AS life FROM email_links WHERE user_id = $1", uuid(ada))
    assert {row["life"].total_seconds() for row in rows} >= {2 * 3600}
    await confirm(app, ada)


async def test_only_hashes_of_links_are_kept(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    token = await link(app, ada, Purpose.VERIFY)
    assert len(token) == 43  # 256 bits
    [row] = await sql(app, "SELECT hash, expires_at - made_at AS life FROM email_links WHERE user_id = $1", uuid(ada))
    assert token.encode() not in row["hash"] and row["life"].total_seconds() == 24 * 3600


async def test_another_link_is_mailed_until_it_is_confirmed(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await sql(app, "DELETE FROM jobs")
    assert (await ada.ask(REQUEST_VERIFICATION)).it == DONE
    assert await owed(app, ada) == [("mail.verification", None)]
    await confirm(app, ada)
    await sql(app, "DELETE FROM jobs")
    assert (await ada.ask(REQUEST_VERIFICATION)).it == DONE
    assert await owed(app, ada) == []
    assert (await client.ask(REQUEST_VERIFICATION)).code == "UNAUTHENTICATED"
    await sql(app, "UPDATE users SET email = NULL WHERE id = $1", uuid(ada))
    assert (await ada.ask(REQUEST_VERIFICATION)).code == "CONFLICT"


async def test_an_address_changes_when_the_new_one_has_confirmed_it(app: App, client: Client) -> None:
    ada, new = await sign_up(client, fresh()), fresh()
    await confirm(app, ada)
    reset = await link(app, ada, Purpose.RESET)
    assert (await ada.ask(CHANGE_EMAIL, input={"password": PASSWORD, "newEmail": f" {new} "})).it == DONE
    assert ("mail.email_change", None) in await owed(app, ada)
    assert ("mail.notice", "EMAIL_CHANGE_REQUESTED") in await owed(app, ada)
    assert (await ada.ask(ADDRESS)).it == {"email": ada.email, "emailVerified": True}
    assert await who(client, ada.email) == ada.user_id

    assert (await client.ask(VERIFY, token=await link(app, ada, Purpose.CHANGE, new))).it == DONE
    assert (await ada.ask(ADDRESS)).it == {"email": new, "emailVerified": True}
    assert await who(client, ada.email) is None
    assert await who(client, new) == ada.user_id
    assert (await events(app, ada))[-2:] == ["EMAIL_CHANGED", "SIGNED_IN"]
    told = await sql(
        app,
        "SELECT payload ->> 'to' AS to FROM jobs"
        " WHERE payload ->> 'kind' = 'EMAIL_CHANGED' AND payload ->> 'user_id' = $1",
        str(uuid(ada)),
    )
    assert [row["to"] for row in told] == [ada.email]
    # What was mailed to the former address is about nothing any more.
    dead = await client.ask(RESET, input={"token": reset, "newPassword": OTHER})
    assert (dead.code, dead.path) == ("EXPIRED", ["input", "token"])


async def test_the_last_change_that_was_asked_for_counts(app: App, client: Client) -> None:
    ada, first, second = await sign_up(client, fresh()), fresh(), fresh()
    for new in (first, second):
        assert (await ada.ask(CHANGE_EMAIL, input={"password": PASSWORD, "newEmail": new})).it == DONE
    assert await offered(app, ada, Purpose.CHANGE, first) is None
    assert (await client.ask(VERIFY, token=await link(app, ada, Purpose.CHANGE, second))).it == DONE
    assert (await ada.ask(ADDRESS)).it == {"email": second, "emailVerified": True}


async def test_nobody_learns_by_changing_whether_somebody_else_has_an_address(app: App, client: Client) -> None:
    ada, ben = await sign_up(client, fresh()), await sign_up(client, fresh(), "Ben")
    await confirm(app, ada)
    for new in (ada.email, fresh()):
        assert (await ben.ask(CHANGE_EMAIL, input={"password": PASSWORD, "newEmail": new})).it == DONE
    assert (await ben.ask(CHANGE_EMAIL, input={"password": PASSWORD, "newEmail": ada.email})).it == DONE
    # Whoever reads its mail may know.
    taken = await client.ask(VERIFY, token=await link(app, ben, Purpose.CHANGE, ada.email))
    assert (taken.code, taken.path) == ("TAKEN", ["token"])
    assert (await ada.ask(ADDRESS)).it == {"email": ada.email, "emailVerified": True}
    assert (await ben.ask(ADDRESS)).it == {"email": ben.email, "emailVerified": False}


async def test_a_change_needs_the_password_and_an_address(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await confirm(app, ada)
    for given, code, field in (
        ({"password": OTHER, "newEmail": fresh()}, "WRONG_CREDENTIALS", "password"),
        ({"password": PASSWORD, "newEmail": "ada"}, "INVALID", "newEmail"),
        ({"password": PASSWORD, "newEmail": ada.email}, "INVALID", "newEmail"),
    ):
        refused = await ada.ask(CHANGE_EMAIL, input=given)
        assert (refused.code, refused.path) == (code, ["input", field])
    assert not [job for job in await owed(app, ada) if job[0] == "mail.email_change"]
    assert (await client.ask(CHANGE_EMAIL, input={"password": PASSWORD, "newEmail": fresh()})).code == "UNAUTHENTICATED"


async def test_an_invitation_is_for_a_confirmed_address_and_its_mail_confirms_one(app: App, client: Client) -> None:
    owner, email = await somebody(app, client, "Olga"), fresh()
    squatter, ben = await sign_up(client, email, "Eve", OTHER), await sign_up(client, email, "Ben")
    book = await made_book(owner)
    assert (await owner.ask(INVITE, input={"bookId": book, "email": email, "role": "VIEWER"})).it
    [row] = await sql(app, "SELECT id FROM invitations WHERE email = $1", email)
    for person in (squatter, ben):
        assert (await person.ask(INVITATIONS)).it == {"invitations": []}
        assert (await person.ask(ACCEPT, id=f"in_{row['id']}")).code == "NOT_FOUND"
    await sql(
        app,
        "INSERT INTO invitation_tokens (hash, invitation_id, job_id, made_at, expires_at)"
        " VALUES (sha256('mailed'), $1, 1, now(), now() + interval '1 day')",
        row["id"],
    )
    elsewhere = await sign_up(client, fresh(), "Cleo")
    assert (await elsewhere.ask(ACCEPT_MAILED, token="mailed")).code == "NOT_FOUND"
    assert (await elsewhere.ask(ADDRESS)).it["emailVerified"] is False
    assert (await ben.ask(ACCEPT_MAILED, token="mailed")).it["book"] == {"id": book}
    assert (await ben.ask(ADDRESS)).it == {"email": email, "emailVerified": True}
    assert (await squatter.ask(ADDRESS)).it == {"email": None, "emailVerified": False}
    assert (await squatter.ask(ACCEPT_MAILED, token="mailed")).code == "NOT_FOUND"
