"""Administrators: what they may, who may it not, and that it ends when it is told to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from models import Permission
from server.app import App
from server.settings import Settings
from tests import client as asks
from tests.accounts.asking import DONE, events, sql, uuid
from tests.client import PASSWORD, SIGN_IN, Client
from tests.people import confirmed, somebody
from tests.plan.test_constant import statements
from tests.plan.ways import Ways, told
from tests.sockets import close_code, opened, until

PERMISSIONS = "{ viewer { permissions } }"
USERS = """
query Users($first: Int, $after: String, $name: String) {
  users(first: $first, after: $after, name: $name) {
    nodes { id name isGuest }
    edges { cursor }
    pageInfo { hasNextPage hasPreviousPage endCursor }
    totalCount
  }
}
"""
SET = """
mutation Set($id: ID!, $active: Boolean!) {
  setUserActive(userId: $id, active: $active) { ok userErrors { code message path } }
}
"""
GUEST = "mutation { signInAsGuest { tokens { accessToken refreshToken } viewer { email user { id } } } }"
CHALLENGED = """
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { challenge { kind challengeToken } userErrors { code } }
}
"""
COMPLETE = "mutation C($input: CompleteChallengeInput!) { completeChallenge(input: $input) { userErrors { code } } }"
NODE = "query Node($id: ID!) { node(id: $id) { ... on User { name } } }"
LIST, ACTIVATE = (f"This needs the permission auth:user:{what}." for what in ("list", "activate"))


async def administrator(app: App, client: Client, name: str = "Ada") -> Client:
    ada = await somebody(app, client, name)
    await sql(app, "UPDATE users SET is_administrator = true WHERE id = $1", uuid(ada))
    return ada


async def guest(client: Client) -> Client:
    return client._with((await client.ask(GUEST)).it)


@pytest_asyncio.fixture
async def ada(app: App, client: Client) -> Client:
    return await administrator(app, client)


@pytest_asyncio.fixture
async def ben(app: App, client: Client) -> Client:
    return await somebody(app, client, "Ben")


def is_out(person: Client) -> Callable[[], Awaitable[bool]]:
    async def out() -> bool:
        return (await person.ask(PERMISSIONS)).code == "UNAUTHENTICATED"

    return out


async def test_permissions_are_an_administrators(ada: Client, ben: Client, client: Client) -> None:
    assert (await ada.ask(PERMISSIONS)).it == {"permissions": ["auth:user:list", "auth:user:activate"]}
    assert (await ben.ask(PERMISSIONS)).it == {"permissions": []}
    assert (await (await guest(client)).ask(PERMISSIONS)).it == {"permissions": []}
    assert (await client.ask(PERMISSIONS)).it is None
    # Behind an answer that Python puts together as behind one of Postgres'.
    update = "mutation { updateViewer(input: {}) { viewer { permissions } userErrors { code } } }"
    assert (await ada.ask(update)).it["viewer"] == {"permissions": [*Permission]}


async def test_people_are_listed_newest_first_a_slice_at_a_time(ada: Client, ben: Client, client: Client) -> None:
    gus = await guest(client)
    whole = (await ada.ask(USERS)).it
    assert [each["id"] for each in whole["nodes"]] == [each.user_id for each in (gus, ben, ada)]
    assert whole["nodes"][1:] == [
        {"id": ben.user_id, "name": "Ben", "isGuest": False},
        {"id": ada.user_id, "name": "Ada", "isGuest": False},
    ]
    assert whole["nodes"][0]["isGuest"] and whole["totalCount"] == 3 and not whole["pageInfo"]["hasNextPage"]
    first = (await ada.ask(USERS, first=2)).it
    assert first["nodes"] == whole["nodes"][:2] and first["pageInfo"]["hasNextPage"]
    second = (await ada.ask(USERS, first=2, after=first["pageInfo"]["endCursor"])).it
    assert second["nodes"] == whole["nodes"][2:]
    assert second["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": True,
        "endCursor": whole["edges"][2]["cursor"],
    }


async def test_people_are_found_by_a_part_of_their_name_whatever_its_capitals(app: App, client: Client) -> None:
    root = await administrator(app, client, "Root")
    names = ["Élodie Straße", "ÉLODIE 100%", "Elodie_", "Γιώργος"]
    for name in names:
        person = await somebody(app, client, "Somebody")
        await sql(app, "UPDATE users SET name = $2 WHERE id = $1", uuid(person), name)
    for part, found in {
        "élodie": [1, 0],
        "STRASSE": [0],
        "e s": [0],
        "%": [1],
        "_": [2],
        "\\": [],
        "ΓΙΏΡΓΟΣ": [3],
        "zzz": [],
    }.items():
        answer = (await root.ask(USERS, name=part)).it
        assert [each["name"] for each in answer["nodes"]] == [names[place] for place in found], part
        assert answer["totalCount"] == len(found)
    for everybody in ("", None):
        assert (await root.ask(USERS, name=everybody)).it["totalCount"] == 5
    page = (await root.ask(USERS, name="LODIE", first=1)).it
    assert page["totalCount"] == 3 and page["nodes"][0]["name"] == "Elodie_"
    after = (await root.ask(USERS, name="LODIE", first=1, after=page["pageInfo"]["endCursor"])).it
    assert after["nodes"][0]["name"] == "ÉLODIE 100%"


@pytest.mark.parametrize("given", [{"first": 0}, {"first": 101}, {"after": "x"}, {"name": "a" * 101}])
async def test_what_cannot_be_listed_so_is_refused(ada: Client, ben: Client, given: dict[str, Any]) -> None:
    refused = await ada.ask(USERS, **given)
    assert refused.data == {"users": None} and [each["path"] for each in refused.errors] == [["users"]]
    assert refused.code == "BAD_USER_INPUT"
    assert (await ada.ask(USERS, first=100, name="a" * 100)).it["nodes"] == []


async def test_who_has_no_permission_is_shown_nobody(app: App, ada: Client, ben: Client, client: Client) -> None:
    both = "{ viewer { user { name } } users { totalCount nodes { name } } }"
    for person in (ben, await guest(client)):
        for asked in (USERS, "{ users { __typename } }", "{ users { totalCount } }"):
            refused = await person.ask(asked)
            assert (refused.data, refused.code) == ({"users": None}, "FORBIDDEN")
            assert refused.errors[0]["message"] == LIST and refused.errors[0]["path"] == ["users"]
        # The rest of what they ask is answered.
        beside = await person.ask(both)
        assert beside.data and beside.data["viewer"]["user"]["name"] and beside.data["users"] is None
    refused = await client.ask(USERS)
    assert (refused.data, refused.code) == ({"users": None}, "UNAUTHENTICATED")
    # Whom they list they can look at by their ids; others cannot.
    assert (await ada.ask(NODE, id=ben.user_id)).it == {"name": "Ben"}
    assert (await ben.ask(NODE, id=ada.user_id)).it is None


async def test_what_an_administrator_may_ends_with_the_next_request(app: App, ada: Client, ben: Client) -> None:
    assert (await ada.ask(USERS)).it["totalCount"] == 2
    for taken, given in (
        ("is_administrator = false", "is_administrator = true"),
        ("disabled_at = now()", "disabled_at = NULL"),
    ):
        await sql(app, f"UPDATE users SET {taken} WHERE id = $1", uuid(ada))
        # With the same token, and in what is kept of the same operation.
        assert (await ada.ask(USERS)).code == "FORBIDDEN"
        assert (await ada.ask(PERMISSIONS)).it == {"permissions": []}
        assert (await ada.ask(SET, id=ben.user_id, active=False)).code == "FORBIDDEN"
        await sql(app, f"UPDATE users SET {given} WHERE id = $1", uuid(ada))
        assert (await ada.ask(USERS)).it["totalCount"] == 2
    assert await events(app, ben) == []


async def test_people_are_read_by_one_statement_however_many_they_are(app: App, ada: Client, ben: Client) -> None:
    ways = Ways.of(app)
    text = """
    { users(first: 100, name: "a") { totalCount nodes { id name isGuest } edges { cursor node { name } }
      pageInfo { hasNextPage startCursor } } viewer { permissions } }
    """
    made = """
    INSERT INTO users (id, name, language, is_guest, created_at)
    SELECT gen_random_uuid(), 'Mary ' || n, 'EN', false, now() FROM generate_series(1, 90) AS n
    """
    sizes = []
    for before in ("SELECT", made):
        await sql(app, before)
        for means in (ways.direct, ways.ordinary):
            with statements(app) as sent:
                answer = await told(means, text, {}, ada.token)
            assert (len(sent), answer["errors"]) == (1, []), sent
            sizes.append(str(answer["data"]).count("us_"))
    assert sizes == [1, 1, 91, 91]
    for means in (ways.direct, ways.ordinary):
        with statements(app) as sent:
            answer = await told(means, text, {}, ben.token)
        assert (len(sent), answer["errors"]) == (1, [("FORBIDDEN", ["users"], LIST)]), sent


async def test_who_is_disabled_is_out_at_once_and_comes_back_in_when_enabled(
    app: App, settings: Settings, client: Client, ada: Client
) -> None:
    ben = await client.sign_up("Ben")
    await confirmed(settings, ben)
    await sql(app, "UPDATE users SET password_is_temporary = true WHERE id = $1", uuid(ben))
    begun = (await client.ask(CHALLENGED, input={"email": ben.email, "password": PASSWORD})).it["challenge"]
    async with opened(ben) as socket:
        for _ in range(2):
            assert (await ada.ask(SET, id=ben.user_id, active=False)).it == DONE
        assert await close_code(socket) == 4401
    await until(is_out(ben))
    assert (await client.ask(asks.REFRESH, token=ben.refresh_token)).code == "EXPIRED"
    assert (await client.ask(SIGN_IN, input={"email": ben.email, "password": PASSWORD})).code == "FORBIDDEN"
    answer = {"challengeToken": begun["challengeToken"], "newPassword": f"{PASSWORD} of Ben"}
    assert (await client.ask(COMPLETE, input=answer)).code == "EXPIRED"
    # Who is disabled is listed still.
    assert (await ada.ask(USERS)).it["totalCount"] == 2
    await sql(app, "UPDATE users SET password_is_temporary = false WHERE id = $1", uuid(ben))
    for _ in range(2):
        assert (await ada.ask(SET, id=ben.user_id, active=True)).it == DONE
    assert (await client.sign_in(ben.email, PASSWORD)).user_id == ben.user_id
    asked = "SELECT kind, details->>'by' AS by FROM security_events WHERE user_id = $1 AND kind LIKE 'ACCOUNT%'"
    noted = await sql(app, f"{asked} ORDER BY at, id", uuid(ben))
    assert [(row["kind"], row["by"]) for row in noted] == [
        ("ACCOUNT_DISABLED", ada.user_id),
        ("ACCOUNT_ENABLED", ada.user_id),
    ]
    assert await events(app, ada) == []


async def test_guests_can_be_disabled_too(ada: Client, client: Client) -> None:
    gus = await guest(client)
    assert (await ada.ask(SET, id=gus.user_id, active=False)).it == DONE
    await until(is_out(gus))
    assert (await client.ask(asks.REFRESH, token=gus.refresh_token)).code == "EXPIRED"


async def test_nobody_else_disables_anybody_and_nobody_themselves(
    app: App, ada: Client, ben: Client, client: Client
) -> None:
    for person, code in ((ben, "FORBIDDEN"), (await guest(client), "FORBIDDEN"), (client, "UNAUTHENTICATED")):
        # Whether there is such an account is not told either.
        for id in (ada.user_id, ben.user_id, f"us_{uuid4()}", "nonsense"):
            refused = await person.ask(SET, id=id, active=False)
            assert (refused.data, refused.code) == ({"setUserActive": None}, code)
            assert code != "FORBIDDEN" or refused.errors[0]["message"] == ACTIVATE
    for id in (f"us_{uuid4()}", "nonsense", f"bk_{ben.user_id[3:]}"):
        refused = await ada.ask(SET, id=id, active=False)
        assert (refused.data, refused.code) == ({"setUserActive": None}, "NOT_FOUND")
    for active in (False, True):
        refused = await ada.ask(SET, id=ada.user_id, active=active)
        assert (refused.code, refused.path) == ("CONFLICT", ["userId"])
    assert (await ada.ask(USERS)).it["totalCount"] == 3 and (await ben.ask(PERMISSIONS)).it
    assert await events(app, ada) == await events(app, ben) == []
    assert await sql(app, "SELECT FROM users WHERE disabled_at IS NOT NULL") == []


async def test_an_administrator_is_disabled_by_the_command_line_alone(app: App, ada: Client, client: Client) -> None:
    other = await administrator(app, client, "Other")
    for active in (False, True):
        refused = await ada.ask(SET, id=other.user_id, active=active)
        assert (refused.code, refused.path) == ("CONFLICT", ["userId"])
    assert (await other.ask(USERS)).it["totalCount"] == 2


async def test_who_is_demoted_while_it_waits_does_nothing_any_more(app: App, ada: Client, ben: Client) -> None:
    demoting = await asyncpg.connect(app.parts.database.url)
    transaction = demoting.transaction()
    await transaction.start()
    await demoting.execute("UPDATE users SET is_administrator = false WHERE id = $1", uuid(ada))
    asking = asyncio.create_task(ada.ask(SET, id=ben.user_id, active=False))
    waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def is_waiting() -> bool:
        return bool(await sql(app, waits))

    await until(is_waiting)
    await transaction.commit()
    await demoting.close()
    assert (await asking).code == "FORBIDDEN"
    assert await sql(app, "SELECT FROM users WHERE disabled_at IS NOT NULL") == []


async def test_whom_it_was_done_to_does_not_read_where_it_came_from(app: App, ada: Client, ben: Client) -> None:
    for active in (False, True):
        assert (await ada.ask(SET, id=ben.user_id, active=active)).it == DONE
    asked = "SELECT ip_address, user_agent FROM security_events WHERE user_id = $1 AND kind LIKE 'ACCOUNT%'"
    assert [tuple(row) for row in await sql(app, asked, uuid(ben))] == [(None, None)] * 2


async def test_no_sign_in_takes_in_a_guest_who_was_disabled(app: App, ada: Client, client: Client) -> None:
    gus = await guest(client)
    cas = await client.sign_up("Cas")
    await sql(app, "UPDATE users SET password_is_temporary = true WHERE id = $1", uuid(cas))
    begun = (await gus.ask(CHALLENGED, input={"email": cas.email, "password": PASSWORD})).it["challenge"]
    assert (await ada.ask(SET, id=gus.user_id, active=False)).it == DONE
    answer = {"challengeToken": begun["challengeToken"], "newPassword": f"{PASSWORD} of Cas"}
    assert (await client.ask(COMPLETE, input=answer)).code == "EXPIRED"
    assert len(await sql(app, "SELECT FROM users WHERE id = $1 AND is_guest", uuid(gus))) == 1
