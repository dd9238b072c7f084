"""Leaving: what is personal is gone, what was given to others' books stays without a name."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from models.columns import now
from resolvers import belongings
from resolvers.jobs.kind import Nothing
from resolvers.jobs.leaving import ERASE, FAREWELL, Farewell, bid_farewell
from resolvers.jobs.mail.accounts import NOTICES
from resolvers.jobs.purge import PURGE
from resolvers.jobs.registry import Registry
from server.app import App
from server.worker import Worker
from storage.jobs import erasure
from tests import client as asks
from tests.accounts.test_guest import ARRIVE
from tests.canvas import text
from tests.client import BOOK, EVENTS, PASSWORD, SIGN_UP, Client, apply
from tests.people import People, made_book, somebody, uuid_of
from tests.sockets import close_code, opened, until

LEAVE = """
mutation Leave($password: String) { deleteViewer(password: $password) { ok userErrors { code message path } } }
"""
RESET = "mutation Reset($email: String!) { requestPasswordReset(email: $email) { ok userErrors { code } } }"
VIEWER = "{ viewer { id } }"
IMAGE = "query Image($id: ID!) { node(id: $id) { ... on Image { uploader { id } o: url(variant: ORIGINAL) } } }"
#: Jobs that name somebody.
NAMING = "SELECT count(*) FROM jobs WHERE payload::text LIKE '%' || $1 || '%'"
AGO = "UPDATE sessions SET created_at = $2 WHERE user_id = $1"


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


async def signed_up(client: Client) -> Client:
    given = {"name": "Lea", "email": f"lea.{uuid4().hex}@example.org", "password": PASSWORD}
    return client._with((await client.ask(SIGN_UP, input=given)).it)


async def seat(rows: asyncpg.Connection, person: Client, book_id: str, role: str) -> None:
    await rows.execute(
        "INSERT INTO members (id, book_id, user_id, role, owner_since, joined_at)"
        " VALUES ($1, $2, $3, $4, CASE WHEN $4 = 'OWNER' THEN now() END, now())",
        *(uuid4(), inner(book_id), inner(person.user_id), role),
    )


async def erase(app: App) -> None:
    assert await Worker(app.parts, Registry([ERASE])).drain() >= 1


async def test_whoever_leaves_is_nowhere_any_more(app: App, client: Client, rows: asyncpg.Connection) -> None:
    lea, olga = await signed_up(client), await somebody(app, client, "Olga")
    await rows.execute("UPDATE users SET email_verified_at = now() WHERE id = $1", inner(lea.user_id))
    shared, own = await made_book(olga), await made_book(lea)
    await seat(rows, lea, shared, "EDITOR")
    page = (await lea.ask(BOOK, id=shared)).it["pages"][0]["id"]
    made = (await apply(lea, shared, "a", text("Hers", pageId=page))).it["results"][0]["element"]["id"]
    elsewhere = await made_book(olga)
    assert (await olga.ask(asks.INVITE, input={"bookId": elsewhere, "email": lea.email, "role": "EDITOR"})).it
    shouted = lea.email.split("@")[0].upper()
    assert (await client.ask(RESET, email=lea.email.upper())).it["ok"]
    assert [await rows.fetchval(NAMING, name) for name in (lea.email, shouted)] == [1, 1]
    seq = (await olga.ask(BOOK, id=shared)).it["seq"]
    async with olga.follow(EVENTS, bookId=shared, after=seq) as events, opened(lea) as socket:
        assert (await lea.ask(LEAVE, password=PASSWORD)).it == {"ok": True, "userErrors": []}
        told = await events.next()
        async with asyncio.timeout(1):
            assert await close_code(socket) == 4401
    # The book is to be read anew; and it was nobody who did it.
    assert (told["__typename"], told["seq"], told["actor"]) == ("Resync", seq + 1, None)
    after = (await olga.ask(BOOK, id=shared)).it
    [element] = after["elements"]
    assert (element["id"], element["content"], element["createdBy"], element["updatedBy"]) == (made, "Hers", None, None)
    assert [each["user"]["id"] for each in after["members"]] == [olga.user_id]
    assert (await lea.ask(VIEWER)).code == "UNAUTHENTICATED"
    assert (await client.ask(asks.REFRESH, token=lea.refresh_token)).code == "EXPIRED"
    signed_in = await client.ask(asks.SIGN_IN, input={"email": lea.email, "password": PASSWORD})
    assert signed_in.code == "WRONG_CREDENTIALS"
    for column in belongings.references():
        left = f"SELECT count(*) FROM {column.table.name} WHERE {column.name} = $1"
        assert await rows.fetchval(left, inner(lea.user_id)) == 0, column
    assert await rows.fetchval("SELECT count(*) FROM users WHERE id = $1", inner(lea.user_id)) == 0
    assert await rows.fetchval("SELECT count(*) FROM invitations WHERE email = $1", lea.email) == 0
    assert (await olga.ask(BOOK, id=own)).code == "NOT_FOUND"
    # Looked through by a job, once nobody waits for it. All that still names them then is the mail that says so, and
    # its job knows no more than it needs.
    assert await rows.fetchval(NAMING, lea.user_id[3:]) >= 1
    await erase(app)
    assert await rows.fetchval(NAMING, lea.email) == 1
    assert await rows.fetchval(NAMING, shouted) == 0
    named = await rows.fetch("SELECT name, payload FROM jobs WHERE name = 'mail.farewell'")
    assert [row["name"] for row in named] == ["mail.farewell"]
    assert set(json.loads(named[0]["payload"])) == {"to", "language", "at"}
    assert await rows.fetchval(NAMING, lea.user_id[3:]) == 0
    assert await rows.fetch("SELECT state, payload FROM jobs WHERE name = 'accounts.erase'") == [("DONE", "{}")]


async def test_the_queue_is_looked_through_a_part_at_a_time_and_others_stay_in_it(
    app: App, client: Client, rows: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "AT_ONCE", 3)
    put = (
        "INSERT INTO jobs (name, payload, priority, state, debounce, not_before, put_at, tries)"
        " VALUES ('of.nobody', $1, 50, $2, false, now() + interval '1 day', now(), 0)"
    )
    await rows.execute("DELETE FROM jobs")
    lea = await signed_up(client)
    for number in range(10):
        # What people wrote may hold what Postgres does not take out of JSON.
        said = json.dumps({"who": lea.user_id[3:] if number % 2 else str(uuid4()), "note": "\0"})
        await rows.execute(put, said, "DEAD" if number % 3 else "WAITING")
    await rows.execute(put, json.dumps({"to": f"x{lea.email}"}), "WAITING")
    # Whoever is about to do it may yet write that it is done.
    await rows.execute(put, json.dumps({"to": lea.user_id[3:]}), "RUNNING")
    assert (await lea.ask(LEAVE, password=PASSWORD)).it["ok"]
    await erase(app)
    left = [json.loads(row["payload"]) for row in await rows.fetch("SELECT * FROM jobs WHERE name = 'of.nobody'")]
    assert [each for each in left if "who" in each and each["who"] == lea.user_id[3:]] == []
    assert len(left) == 5 + 2


async def test_nobody_who_only_said_that_an_address_is_theirs_is_bidden_farewell(
    client: Client, rows: asyncpg.Connection
) -> None:
    await rows.execute("DELETE FROM jobs")
    for confirmed in (False, True):
        lea = await signed_up(client)
        if confirmed:
            await rows.execute("UPDATE users SET email_verified_at = now() WHERE id = $1", inner(lea.user_id))
        assert (await lea.ask(LEAVE, password=PASSWORD)).it["ok"]
        owed = await rows.fetch("SELECT payload FROM jobs WHERE name = 'mail.farewell'")
        assert [json.loads(row["payload"])["to"] for row in owed] == [lea.email] * confirmed


async def test_their_own_books_are_purged_with_their_objects(
    app: App, client: Client, rows: asyncpg.Connection, people: People
) -> None:
    lea = await signed_up(client)
    own = await made_book(lea)
    image = await people.image(of=lea, book_id=own)
    assert (await lea.ask(asks.UPDATE_BOOK, input={"id": own, "visibility": "PUBLIC"})).it
    async with people.stranger.follow(EVENTS, bookId=own) as events:
        assert (await lea.ask(LEAVE, password=PASSWORD)).it
        assert await events.end() in ("FORBIDDEN", "NOT_FOUND")
    assert await rows.fetchval("SELECT count(*) FROM jobs WHERE name = 'trash.purge' AND state = 'WAITING'") >= 1

    class Run:
        parts = app.parts

        def work(self) -> Any:
            from resolvers.context import Context

            return Context(app.parts, None).work()

    await PURGE.do(Run(), Nothing())  # type: ignore[arg-type]
    assert await rows.fetchval("SELECT count(*) FROM books WHERE id = $1", inner(own)) == 0
    assert await rows.fetchval("SELECT count(*) FROM objects WHERE id = $1", inner(image)) == 0
    assert await rows.fetchval(
        "SELECT count(*) FROM jobs WHERE name = 'objects.remove' AND payload::text LIKE '%' || $1 || '%'", image[3:]
    )


async def test_a_photo_in_anothers_book_stays_and_its_file_is_for_its_owners(
    app: App, rows: asyncpg.Connection, people: People
) -> None:
    lea = await people.also("Lea", "CONTRIBUTOR")
    await rows.execute("UPDATE sessions SET created_at = now() WHERE user_id = $1", inner(lea.user_id))
    image = await people.image(of=lea)
    before = (await people.editor.ask(IMAGE, id=image)).it
    assert before["uploader"] == {"id": lea.user_id}
    assert (await lea.ask(LEAVE)).it
    for person in (people.owner, people.editor):
        assert (await person.ask(IMAGE, id=image)).it["uploader"] is None
    [member_seats] = await people.sql("SELECT count(*) AS n FROM members WHERE user_id = $1", inner(lea.user_id))
    assert member_seats["n"] == 0


async def test_nobody_leaves_others_in_a_book_without_an_owner(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    lea, ben = await signed_up(client), await somebody(app, client, "Ben")
    books = {title: await made_book(lea, title) for title in ("Zoo", "Alps", "Alone", "Trash", "Two")}
    for title in ("Zoo", "Alps", "Trash"):
        await seat(rows, ben, books[title], "EDITOR")
    await seat(rows, ben, books["Two"], "OWNER")
    assert (await lea.ask("mutation D($id: ID!) { deleteBook(id: $id) { book { id } } }", id=books["Trash"])).it
    refused = await lea.ask(LEAVE, password=PASSWORD)
    assert [(error["code"], error["path"]) for error in refused.user_errors] == [("CONFLICT", [])] * 2
    assert [error["message"].split("”")[0] for error in refused.user_errors] == ["“Alps", "“Zoo"]
    todo = "Make one of them an owner, or delete the book."
    assert all(error["message"].endswith(todo) for error in refused.user_errors)
    assert len((await lea.ask(asks.BOOKS)).it["nodes"]) == 4
    for title in ("Zoo", "Alps"):
        change = {"bookId": books[title], "userId": ben.user_id, "role": "OWNER"}
        assert (await lea.ask(asks.UPDATE_MEMBER, input=change)).it
    assert (await lea.ask(LEAVE, password=PASSWORD)).it["ok"]
    titles = {book["title"] for book in (await ben.ask(asks.BOOKS)).it["nodes"]}
    assert titles == {"Zoo", "Alps", "Two"}


async def test_so_many_books_are_named_and_the_others_counted(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    lea, ben = await signed_up(client), await somebody(app, client, "Ben")
    for number in range(23):
        await seat(rows, ben, await made_book(lea, f"{number:02}"), "VIEWER")
    errors = (await lea.ask(LEAVE, password=PASSWORD)).user_errors
    assert len(errors) == 21 and errors[-1]["message"] == "And so it is with 3 more."


async def test_it_takes_the_password(client: Client) -> None:
    lea = await signed_up(client)
    for password, code in ((None, "REQUIRED"), ("another long password", "WRONG_CREDENTIALS")):
        refused = await lea.ask(LEAVE, password=password)
        assert (refused.code, refused.path) == (code, ["password"])
    assert (await lea.ask(VIEWER)).it
    assert (await client.ask(LEAVE, password=PASSWORD)).code == "UNAUTHENTICATED"


async def test_without_a_password_it_takes_a_young_session(app: App, client: Client, rows: asyncpg.Connection) -> None:
    lea = await somebody(app, client, "Lea")
    await rows.execute(AGO, inner(lea.user_id), now() - timedelta(minutes=11))
    refused = await lea.ask(LEAVE)
    assert (refused.code, refused.path) == ("EXPIRED", ["password"])
    await rows.execute(AGO, inner(lea.user_id), now() - timedelta(minutes=9))
    assert (await lea.ask(LEAVE)).it["ok"]


async def test_a_guest_just_goes(client: Client, rows: asyncpg.Connection) -> None:
    gus = client._with((await client.ask(ARRIVE, input={})).it)
    await rows.execute(AGO, inner(gus.user_id), now() - timedelta(days=2))
    assert (await gus.ask(LEAVE)).it["ok"]

    async def is_out() -> bool:
        return (await gus.ask(VIEWER)).code == "UNAUTHENTICATED"

    await until(is_out)
    assert await rows.fetchval("SELECT count(*) FROM users WHERE id = $1", inner(gus.user_id)) == 0


async def test_an_address_that_was_never_confirmed_keeps_its_invitations(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    lea, olga = await signed_up(client), await somebody(app, client, "Olga")
    assert (
        await olga.ask(asks.INVITE, input={"bookId": await made_book(olga), "email": lea.email, "role": "EDITOR"})
    ).it
    assert (await lea.ask(LEAVE, password=PASSWORD)).it
    assert await rows.fetchval("SELECT count(*) FROM invitations WHERE email = $1", lea.email) == 1


async def test_an_address_that_was_never_confirmed_takes_along_only_what_was_accepted_with_it(
    app: App, client: Client, rows: asyncpg.Connection
) -> None:
    lea, olga = await signed_up(client), await somebody(app, client, "Olga")
    theirs, others = await made_book(olga), await made_book(olga)
    for book in (theirs, others):
        assert (await olga.ask(asks.INVITE, input={"bookId": book, "email": lea.email, "role": "EDITOR"})).it
    # As it was when nobody had to confirm: this one by them, the other by whoever had the address before.
    await rows.execute("UPDATE invitations SET accepted_at = now() WHERE email = $1", lea.email)
    await rows.execute(
        "INSERT INTO members (id, book_id, user_id, role, joined_at)"
        " VALUES (gen_random_uuid(), $1, $2, 'EDITOR', now())",
        inner(theirs),
        inner(lea.user_id),
    )
    assert (await lea.ask(LEAVE, password=PASSWORD)).it
    left = await rows.fetch("SELECT book_id FROM invitations WHERE email = $1", lea.email)
    assert [row["book_id"] for row in left] == [inner(others)]


async def test_the_last_word_is_in_their_language_and_said_so_often_to_an_address(app: App) -> None:
    sent: list[Any] = []

    class Room:
        mailer = object()
        address = "http://leporello.example"

        async def send(self, mail: Any, *, job: str) -> None:
            sent.append((mail, job))

    class Run:
        parts, id = replace(app.parts, mailroom=Room()), 7  # type: ignore[arg-type]

    asked = FAREWELL.read('{"to": "lea@example.org", "language": "FR", "at": "2026-11-22T00:00:00Z"}')
    assert isinstance(asked, Farewell)
    for _ in range(NOTICES.limit + 2):
        await bid_farewell(Run(), asked)  # type: ignore[arg-type]
    assert len(sent) == NOTICES.limit == 5
    mail, job = sent[0]
    assert (mail.to, mail.language, mail.template, job) == ("lea@example.org", "FR", "farewell", "7")
