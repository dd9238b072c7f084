"""Guests, who become users without losing a thing."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import UniqueConstraint

from models import SQLModel
from models.columns import now
from resolvers import belongings
from resolvers.context import Context
from resolvers.jobs.leaving import FORGET_GUESTS, After, forget_guests
from resolvers.jobs.leaving import guests as forgetting
from resolvers.jobs.registry import Registry
from server.app import App
from server.worker import Worker
from storage.jobs import Queue
from tests import client as asks
from tests.accounts.asking import CHANGE_EMAIL, CHANGE_PASSWORD, RESET
from tests.canvas import text
from tests.client import BOOK, EVENTS, PASSWORD, SIGN_IN, SIGN_UP, Answer, Client, apply
from tests.people import made_book, somebody, uuid_of
from tests.sockets import close_code, opened, until

TOKENS = asks.TOKENS.replace("user { id name }", "user { id name isGuest } language")
ARRIVE = f"mutation Arrive($input: GuestInput!) {{ signInAsGuest(input: $input) {{ {TOKENS} }} }}"
VIEWER = "{ viewer { id user { id name isGuest } memberships { role book { id } } } }"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


@pytest_asyncio.fixture
async def rows(app: App) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(app.parts.database.url)
    yield connection
    await connection.close()


def inner(id: str) -> UUID:
    return UUID(uuid_of(id))


async def arrived(client: Client, **given: Any) -> Client:
    return client._with((await client.ask(ARRIVE, input=given)).it)


async def signed_up(over: Client, **more: Any) -> Answer:
    given = {"name": "Gail", "email": f"{uuid4().hex}@example.org", "password": PASSWORD, **more}
    return await over.ask(SIGN_UP, input=given)


def out(client: Client) -> Any:
    async def is_out() -> bool:
        return (await client.ask(VIEWER)).code == "UNAUTHENTICATED"

    return is_out


async def test_a_guest_has_a_session_and_a_name_in_their_language(client: Client) -> None:
    for given, name in (
        ({}, "Guest"),
        ({"language": "FR"}, "Invité"),
        ({"language": "TH"}, "ผู้เยี่ยมชม"),
        ({"name": " Zoë ", "language": "NL"}, "Zoë"),
    ):
        viewer = (await client.ask(ARRIVE, input=given)).it["viewer"]
        assert viewer["user"] == {"id": viewer["user"]["id"], "name": name, "isGuest": True}
        assert viewer["language"] == given.get("language", "EN") and viewer["email"] is None
    for unsaid in ("", "(input: null)", "(input: {})"):
        unnamed = await client.ask(f"mutation {{ signInAsGuest{unsaid} {{ {TOKENS} }} }}")
        assert unnamed.it["viewer"]["user"]["name"] == "Guest"
    refused = await client.ask(ARRIVE, input={"name": "", "device": {"name": "a\nb", "platform": "OTHER"}})
    told = [(error["code"], error["path"]) for error in refused.user_errors]
    assert sorted(told) == [("INVALID", ["input", "device", "name"]), ("INVALID", ["input", "name"])]


async def test_a_guest_is_not_made_another_over_the_only_way_back(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    gus, una = await arrived(client), await somebody(app, client, "Una")
    asked = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions), (SELECT count(*) FROM attempts)"
    before = await rows.fetchrow(asked)
    refused = await gus.ask(ARRIVE, input={"name": "Gus"})
    assert (refused.code, refused.path) == ("CONFLICT", ["input"])
    assert "Go on with the tokens that you have" in refused.user_errors[0]["message"]
    # No session either: a token that is good for minutes does not become one that is good for weeks.
    assert await rows.fetchrow(asked) == before
    assert (await gus.ask(asks.REFRESH, token=gus.refresh_token)).it["viewer"]["user"]["id"] == gus.user_id
    # Who has another way back loses nothing.
    assert (await arrived(una)).user_id not in (una.user_id, gus.user_id)


@pytest.mark.parametrize(
    "ended",
    [
        "UPDATE sessions SET revoked_at = now() WHERE user_id = $1",
        "UPDATE users SET disabled_at = now() WHERE id = $1",
        "DELETE FROM sessions WHERE user_id = $1",
    ],
)
async def test_nobody_is_taken_in_over_a_session_that_has_ended_meanwhile(
    client: Client, rows: asyncpg.Connection, ended: str
) -> None:
    guest, ada = await arrived(client), await client.sign_up(f"Ada{uuid4().hex}")
    await rows.execute("UPDATE users SET password_is_temporary = true WHERE id = $1", inner(ada.user_id))
    signing = "mutation($input: SignInInput!) { signIn(input: $input) { challenge { challengeToken } } }"
    begun = (await guest.ask(signing, input={"email": ada.email, "password": PASSWORD})).it["challenge"]
    await rows.execute(ended, inner(guest.user_id))
    complete = "mutation($input: CompleteChallengeInput!) { completeChallenge(input: $input) { userErrors { code } } }"
    answer = {"challengeToken": begun["challengeToken"], "newPassword": f"{PASSWORD} of Ada"}
    assert (await client.ask(complete, input=answer)).code == "EXPIRED"
    assert await rows.fetchval("SELECT is_guest FROM users WHERE id = $1", inner(guest.user_id))


@pytest.mark.parametrize("minutes", [0, 60])
async def test_a_guest_is_told_to_sign_up_where_others_are_to_prove_who_they_are(
    client: Client, rows: asyncpg.Connection, minutes: int
) -> None:
    guest = await arrived(client)
    old = "UPDATE sessions SET created_at = now() - make_interval(mins => $2) WHERE user_id = $1"
    await rows.execute(old, inner(guest.user_id), minutes)
    told = {"code": "CONFLICT", "path": [], "message": "You are a guest. Sign up first."}
    for document, input in (
        (CHANGE_PASSWORD, {"currentPassword": "", "newPassword": PASSWORD}),
        (CHANGE_EMAIL, {"password": "", "newEmail": "gail@example.org"}),
    ):
        assert (await guest.ask(document, input=input)).user_errors == [told]
    for field in ("beginTwoFactor", "beginPasskeyRegistration"):
        answer = await guest.ask(f"mutation {{ {field} {{ userErrors {{ code path message }} }} }}")
        assert answer.user_errors == [told]


async def test_a_guest_does_what_others_do_and_refreshes(client: Client) -> None:
    gus = await arrived(client, device={"name": "Tablet", "platform": "OTHER"})
    book_id = await made_book(gus)
    assert (await apply(gus, book_id, "a", {"createPage": {}})).it["seq"] > 0
    renewed = await client.ask(asks.REFRESH, token=gus.refresh_token)
    assert renewed.it["viewer"]["user"]["id"] == gus.user_id


async def test_so_many_guests_come_from_one_address_and_no_more(
    client: Client, rows: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resolvers.guest import arriving

    monkeypatch.setattr(arriving, "GUESTS", replace(arriving.GUESTS, name="few guests", limit=3))
    before = await rows.fetchval("SELECT count(*) FROM users")
    answers = await asyncio.gather(*(client.ask(ARRIVE, input={}) for _ in range(6)))
    assert sorted(answer.code or "" for answer in answers) == ["", "", "", "LOCKED", "LOCKED", "LOCKED"]
    assert await rows.fetchval("SELECT count(*) FROM users") == before + 3


async def test_signing_up_over_a_guest_moves_all_and_ends_the_guest(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    olga = await somebody(app, client, "Olga")
    gus = await arrived(client)
    own, shared = await made_book(gus, clientId=str(uuid4())), await made_book(olga)
    await _seat(rows, gus, shared, "EDITOR")
    page = (await gus.ask(BOOK, id=shared)).it["pages"][0]["id"]
    [made] = (await apply(gus, shared, "a", text("Mine", pageId=page))).it["results"]
    snapshot = (await olga.ask(BOOK, id=shared)).it
    after, epoch = snapshot["seq"], snapshot["epoch"]
    async with olga.follow(EVENTS, bookId=shared, after=after, epoch=epoch) as events, opened(gus) as socket:
        gail = client._with((await signed_up(gus)).it)
        told = await events.next()
        async with asyncio.timeout(1):
            assert await close_code(socket) == 4401
    # One event, by whom the guest has become: the book is to be read anew.
    assert (told["__typename"], told["seq"], told["actor"]) == ("Resync", after + 1, {"id": gail.user_id})
    assert gail.user_id != gus.user_id
    viewer = (await gail.ask(VIEWER)).it
    assert {(each["book"]["id"], each["role"]) for each in viewer["memberships"]} == {
        (own, "OWNER"),
        (shared, "EDITOR"),
    }
    book = (await olga.ask(BOOK, id=shared)).it
    assert book["seq"] == told["seq"]
    assert {member["user"]["id"] for member in book["members"]} == {olga.user_id, gail.user_id}
    [element] = [each for each in book["elements"] if each["id"] == made["element"]["id"]]
    assert element["createdBy"] == element["updatedBy"] == {"id": gail.user_id}
    # The guest's own book, and a batch that is sent again by the device that does not know of its answer.
    assert (await gail.ask(BOOK, id=own)).it["members"][0]["user"]["id"] == gail.user_id
    again = await apply(gail, shared, "a", text("Mine", pageId=page))
    assert again.it["results"][0]["element"]["id"] == made["element"]["id"]
    assert await rows.fetchval("SELECT count(*) FROM users WHERE id = $1", inner(gus.user_id)) == 0
    await until(out(gus))
    assert (await client.ask(asks.REFRESH, token=gus.refresh_token)).code == "EXPIRED"
    for column in belongings.references():
        left = f"SELECT count(*) FROM {column.table.name} WHERE {column.name} = $1"
        assert await rows.fetchval(left, inner(gus.user_id)) == 0, column


async def test_who_was_away_meanwhile_gets_there_too(app: App, client: Client, rows: asyncpg.Connection) -> None:
    """Events of before, told once the guest is gone, end at the same book."""
    olga = await somebody(app, client, "Olga")
    gus = await arrived(client)
    book_id = await made_book(olga)
    before = (await olga.ask(BOOK, id=book_id)).it
    await _seat(rows, gus, book_id, "EDITOR")
    assert (await olga.ask(asks.UPDATE_MEMBER, input=_member(book_id, gus, "VIEWER"))).it
    gail = client._with((await signed_up(gus)).it)
    async with olga.follow(EVENTS, bookId=book_id, after=before["seq"], epoch=before["epoch"]) as events:
        first, second = await events.take(2)
    assert second["removedUserIds"] == [gus.user_id]
    assert second["members"] == [{"user": {"id": gail.user_id}, "role": "VIEWER"}]
    assert first["actor"] == {"id": olga.user_id} and second["actor"] == {"id": gail.user_id}
    after = (await olga.ask(BOOK, id=book_id)).it
    assert {each["user"]["id"] for each in after["members"]} == {olga.user_id, gail.user_id}


async def test_signing_in_over_a_guest_keeps_the_higher_role_of_both(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    email = f"{uuid4().hex}@example.org"
    gail = client._with((await client.ask(SIGN_UP, input={"name": "G", "email": email, "password": PASSWORD})).it)
    olga = await somebody(app, client, "Olga")
    gus = await arrived(client)
    client_id = str(uuid4())
    books = [await made_book(olga) for _ in range(3)]
    for book_id, hers, theirs in zip(books, ("VIEWER", "EDITOR", "EDITOR"), ("OWNER", "VIEWER", "EDITOR"), strict=True):
        await _seat(rows, gail, book_id, hers)
        await _seat(rows, gus, book_id, theirs)
    twins = [await made_book(each, clientId=client_id) for each in (gail, gus)]
    for each in (gail, gus):
        assert (await apply(each, books[0], "same", {"createPage": {}})).code in (None, "FORBIDDEN")
    assert (await gus.ask(SIGN_IN, input={"email": email, "password": PASSWORD})).it
    memberships = (await gail.ask(VIEWER)).it["memberships"]
    assert {each["book"]["id"]: each["role"] for each in memberships} == {
        **dict(zip(books, ("OWNER", "EDITOR", "EDITOR"), strict=True)),
        **dict.fromkeys(twins, "OWNER"),
    }
    # What is asked for again is the user's own.
    assert await made_book(gail, clientId=client_id) == twins[0]
    since = await rows.fetchval(
        "SELECT owner_since FROM members WHERE book_id = $1 AND user_id = $2", inner(books[0]), inner(gail.user_id)
    )
    assert since is not None


async def test_two_who_sign_up_over_one_guest_at_once_are_told_apart(client: Client, rows: asyncpg.Connection) -> None:
    gus = await arrived(client)
    book_id = await made_book(gus)
    before = await rows.fetchval("SELECT count(*) FROM users")
    answers = await asyncio.gather(*(signed_up(gus) for _ in range(4)))
    accounts = [client._with(answer.it) for answer in answers if answer.code is None]
    # Who comes later than that brings a token that is no good any more.
    assert len(accounts) == 1 and {answer.code for answer in answers} <= {None, "CONFLICT", "UNAUTHENTICATED"}
    memberships = [(await each.ask(VIEWER)).it["memberships"] for each in accounts]
    [[only]] = [each for each in memberships if each]
    assert only == {"role": "OWNER", "book": {"id": book_id}}
    assert await rows.fetchval("SELECT count(*) FROM users") == before - 1 + len(accounts)


async def test_no_guest_is_left_behind_for_a_token_that_is_not_good_any_more(
    app: App, client: Client, rows: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    gus, una, email = await arrived(client), await somebody(app, client, "Una"), f"{uuid4().hex}@example.org"
    book_id = await made_book(gus)
    session = await rows.fetchval("SELECT id FROM sessions WHERE user_id = $1", inner(gus.user_id))
    old, _ = app.parts.tokens.issue(inner(gus.user_id), session, now() - timedelta(hours=1))
    late = replace(gus, token=old)
    before = await rows.fetchval("SELECT count(*) FROM users")
    given: dict[str, dict[str, Any]] = {
        SIGN_UP: {"name": "G", "email": email, "password": PASSWORD},
        SIGN_IN: {"email": una.email, "password": PASSWORD},
        ARRIVE: {},
        RESET: {"token": "no such link", "newPassword": PASSWORD},
    }
    attempts = await rows.fetchval("SELECT count(*) FROM attempts")
    for asked, input in given.items():
        assert (await late.ask(asked, input=input)).code == "UNAUTHENTICATED"
    with_passkey = "mutation { completePasskeySignIn(credential: {}) { tokens { accessToken } } }"
    assert (await late.ask(with_passkey)).code == "UNAUTHENTICATED"
    assert await rows.fetchval("SELECT count(*) FROM attempts") == attempts
    assert await rows.fetchval("SELECT count(*) FROM users") == before
    # Refreshed, with the old one still along, it takes all with it; sent again, as its answer was lost, it is refused.
    fresh = client._with((await late.ask(asks.REFRESH, token=gus.refresh_token)).it)
    gail = client._with((await fresh.ask(SIGN_UP, input=given[SIGN_UP])).it)
    assert [each["book"]["id"] for each in (await gail.ask(VIEWER)).it["memberships"]] == [book_id]
    for token in (fresh.token, gus.token):
        again = replace(fresh, token=token)
        assert (await again.ask(SIGN_UP, input=given[SIGN_UP])).code == "UNAUTHENTICATED"
    # A process that has not heard yet that the session has ended finds nobody.
    monkeypatch.setattr(app.parts.revocations, "covers", lambda _: False)
    assert (await fresh.ask(SIGN_UP, input=given[SIGN_UP])).code == "UNAUTHENTICATED"
    repeated = client._with((await client.ask(SIGN_UP, input=given[SIGN_UP])).it)
    assert repeated.user_id == gail.user_id
    assert await rows.fetchval("SELECT count(*) FROM users") == before


async def test_what_a_guest_does_while_they_are_taken_in_is_not_lost(client: Client) -> None:
    gus = await arrived(client)
    book_id = await made_book(gus)
    page = (await gus.ask(BOOK, id=book_id)).it["pages"][0]["id"]

    async def paint(number: int) -> int:
        answer = await apply(gus, book_id, f"b{number}", text(f"{number}", pageId=page))
        return 1 if answer.code is None else 0

    async def make(number: int) -> int:
        answer = await gus.ask(asks.CREATE_BOOK, input={"title": f"{number}"})
        return 1 if answer.code is None else 0

    painting = [asyncio.create_task(paint(number)) for number in range(20)]
    making = [asyncio.create_task(make(number)) for number in range(20)]
    gail = client._with((await signed_up(gus)).it)
    painted, made = sum(await asyncio.gather(*painting)), sum(await asyncio.gather(*making))
    book = (await gail.ask(BOOK, id=book_id)).it
    assert book["elementCount"] == painted
    assert {each["createdBy"]["id"] for each in book["elements"]} <= {gail.user_id}
    assert len((await gail.ask(VIEWER)).it["memberships"]) == made + 1


async def test_every_reference_to_people_has_a_fate() -> None:
    """Whoever adds one says here whether it goes with its user or moves to the account that takes a guest in."""
    found = {str(column) for column in belongings.references()}
    assert found == belongings.GOES | belongings.MOVES
    assert not belongings.GOES & belongings.MOVES
    once = {
        str(column)
        for table in SQLModel.metadata.tables.values()
        for columns in (
            *(index.columns for index in table.indexes if index.unique),
            *(each.columns for each in table.constraints if isinstance(each, UniqueConstraint)),
            table.primary_key.columns,
        )
        for column in columns
    }
    # What there can be once a user, `taking_in` makes room for.
    assert once & belongings.MOVES == {"batches.user_id", "books.created_by", "members.user_id"}


async def test_ten_thousand_elements_move_in_one_go(client: Client, rows: asyncpg.Connection) -> None:
    gus = await arrived(client)
    book_id = await made_book(gus)
    page = (await gus.ask(BOOK, id=book_id)).it["pages"][0]["id"]
    await rows.execute(
        """
        INSERT INTO elements (id, book_id, page_id, kind, order_key, seq, x, y, width, height, scale_x, scale_y, angle,
          opacity, locked, created_by, updated_by, created_at, updated_at)
        SELECT gen_random_uuid(), $1, $2, 'RECTANGLE', n::text, 1, 0, 0, 1, 1, 1, 1, 0, 1, false, $3, $3, now(), now()
        FROM generate_series(1, 10000) AS n
        """,
        *(inner(book_id), UUID(page.removeprefix("pg_")), inner(gus.user_id)),
    )
    gail = client._with((await signed_up(gus)).it)
    count = "SELECT count(*) FROM elements WHERE created_by = $1 AND updated_by = $1"
    assert await rows.fetchval(count, inner(gail.user_id)) == 10_000


async def test_guests_without_anything_go_once_they_cannot_come_back(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    there, gone, owner, expired = [await arrived(client) for _ in range(4)]
    book_id = await made_book(owner)
    for guest in (gone, owner):
        assert (await guest.ask(asks.SIGN_OUT)).it
    await rows.execute("UPDATE sessions SET expires_at = now() WHERE user_id = $1", inner(expired.user_id))
    user = await somebody(app, client, "Una")
    await rows.execute("UPDATE sessions SET expires_at = now() WHERE user_id = $1", inner(user.user_id))

    await forget(app)
    left = await rows.fetch("SELECT id FROM users WHERE id = ANY($1)", _ids(there, gone, owner, expired, user))
    assert {row["id"] for row in left} == set(_ids(there, owner, user))
    assert await rows.fetchval("SELECT count(*) FROM books WHERE id = $1", inner(book_id)) == 1
    assert FORGET_GUESTS.cron


async def test_what_guests_have_goes_when_nobody_could_come_back_to_it_for_thirty_days(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    olga = await somebody(app, client, "Olga")
    shared = await made_book(olga)
    page = (await olga.ask(BOOK, id=shared)).it["pages"][0]["id"]
    signed_out, expired, needed, late, unasked = guests = [await arrived(client) for _ in range(5)]
    own = {guest.user_id: await made_book(guest) for guest in guests}
    for guest in guests:
        await _seat(rows, guest, shared, "EDITOR")
    made = (await apply(signed_out, shared, "a", text("Kept", pageId=page))).it["results"][0]["element"]["id"]
    # Others belong to this one's book, who would be left in it without an owner.
    await _seat(rows, olga, own[needed.user_id], "EDITOR")
    long, short = "now() - interval '30 days 1 minute'", "now() - interval '29 days 23 hours'"
    for ends, people in (
        (f"revoked_at = {long}", (signed_out, needed)),
        (f"expires_at = {long}", (expired,)),
        (f"revoked_at = {short}", (late,)),
    ):
        await rows.execute(f"UPDATE sessions SET {ends} WHERE user_id = ANY($1)", _ids(*people))
    seq = (await olga.ask(BOOK, id=shared)).it["seq"]
    await forget(app)
    left = await rows.fetch("SELECT id FROM users WHERE id = ANY($1)", _ids(*guests))
    assert {row["id"] for row in left} == set(_ids(needed, late, unasked))
    book = (await olga.ask(BOOK, id=shared)).it
    assert [(each["id"], each["content"], each["createdBy"]) for each in book["elements"]] == [(made, "Kept", None)]
    assert {each["user"]["id"] for each in book["members"]} == {each.user_id for each in (olga, needed, late, unasked)}
    assert book["seq"] == seq + 2
    trashed = await rows.fetch("SELECT id FROM books WHERE id = ANY($1) AND deleted_at IS NULL", _ids_of(own.values()))
    assert {row["id"] for row in trashed} == set(_ids_of(own[each.user_id] for each in (needed, late, unasked)))
    # Their sessions' rows go in time, and they with them.
    await rows.execute("DELETE FROM sessions WHERE user_id = $1", inner(late.user_id))
    await forget(app)
    assert await rows.fetchval("SELECT count(*) FROM users WHERE id = $1", inner(late.user_id)) == 0


async def test_nobody_is_held_up_who_can_come_back(app: App, client: Client, rows: asyncpg.Connection) -> None:
    there, gone = await arrived(client), await arrived(client)
    book_id = await made_book(there)
    assert (await gone.ask(asks.SIGN_OUT)).it
    async with rows.transaction():
        await rows.fetch("SELECT FROM users WHERE id = ANY($1) FOR UPDATE", _ids(there, gone))
        await rows.fetch("SELECT FROM books WHERE id = $1 FOR UPDATE", inner(book_id))
        await forget(app)
    left = await rows.fetch("SELECT id FROM users WHERE id = ANY($1)", _ids(there, gone))
    assert {row["id"] for row in left} == set(_ids(there, gone))
    await forget(app)
    assert await rows.fetchval("SELECT count(*) FROM users WHERE id = $1", inner(gone.user_id)) == 0


async def test_the_next_job_goes_on_where_one_has_stopped(
    app: App, client: Client, rows: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    guests = sorted([await arrived(client) for _ in range(5)], key=lambda each: inner(each.user_id))
    await rows.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = ANY($1)", _ids(*guests))
    await rows.execute("DELETE FROM jobs")

    async def left() -> int:
        return int(await rows.fetchval("SELECT count(*) FROM users WHERE id = ANY($1)", _ids(*guests)))

    # A batch takes as long as there is time for.
    clock = itertools.count(step=forgetting.SHIFT / 2)
    monkeypatch.setattr(forgetting, "monotonic", lambda: next(clock))
    before = await left()
    async with app.parts.database.session.begin() as session:
        await Queue.put(session, [FORGET_GUESTS.job(After())])
    worker = Worker(app.parts, Registry([FORGET_GUESTS]))
    assert await worker.drain() > 1
    ended = await rows.fetch("SELECT state, payload FROM jobs WHERE name = 'guests.forget' ORDER BY id")
    assert before == 5 and await left() == 0
    after = [json.loads(row["payload"])["id"] for row in ended]
    assert {row["state"] for row in ended} == {"DONE"} and after == sorted(after) and len({*after}) == len(after) > 1


async def forget(app: App) -> None:
    class Run:
        parts = app.parts

        def work(self) -> Any:
            return Context(app.parts, None).work()

    await forget_guests(Run(), After())  # type: ignore[arg-type]


def _ids_of(books: Iterable[str]) -> list[UUID]:
    return [inner(book_id) for book_id in books]


def _ids(*people: Client) -> list[UUID]:
    return [inner(person.user_id) for person in people]


def _member(book_id: str, person: Client, role: str) -> dict[str, str]:
    return {"bookId": book_id, "userId": person.user_id, "role": role}


async def _seat(rows: asyncpg.Connection, person: Client, book_id: str, role: str) -> None:
    """They belong to the book; nobody can invite a guest, who has no address."""
    await rows.execute(
        "INSERT INTO members (id, book_id, user_id, role, owner_since, joined_at)"
        " VALUES ($1, $2, $3, $4, CASE WHEN $4 = 'OWNER' THEN now() END, now())",
        *(uuid4(), inner(book_id), inner(person.user_id), role),
    )
