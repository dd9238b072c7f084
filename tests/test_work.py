"""A work holds as a whole or not at all, whatever happens to the database, and is told only once it has held."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import bindparam, func, literal, text
from sqlmodel import col, select

from models import Attempt, Book, Event, SecurityEvent
from models.event import BookChanged
from models.refusal import Unauthenticated
from resolvers.context import Context, Viewer
from server.app import App
from server.graphql.absence import is_absence
from server.settings import Settings
from storage import database as limits
from storage.channels import book_channel, user_channel
from storage.statement import compiled, row_of, values_of
from tests import client as asks
from tests.client import Client, changed
from tests.people import somebody, uuid_of
from tests.running import served


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


def inner(id: str) -> UUID:
    return UUID(uuid_of(id))


def context_of(app: App, client: Client) -> Context:
    return Context(app.parts, Viewer(inner(client.user_id), uuid4(), datetime.now(UTC)))


async def book_of(client: Client) -> str:
    return str((await client.ask(asks.CREATE_BOOK, input={"title": "0"})).it["book"]["id"])


async def journal(app: App, id: UUID) -> list[int]:
    async with app.parts.database.session() as session:
        return list(await session.scalars(select(Event.seq).where(Event.book_id == id).order_by(col(Event.seq))))


async def title_of(client: Client, id: str) -> str:
    return str((await client.ask(asks.BOOK, id=id)).it["title"])


async def test_a_work_that_fails_in_the_middle_leaves_no_row_no_event_and_no_word(
    town: tuple[App, Client], app: App
) -> None:
    ada = await somebody(*town, "Ada")
    ids = [await book_of(ada), await book_of(ada)]
    first, second = map(inner, ids)
    announcements = app.parts.announcements
    context = context_of(app, ada)
    async with (
        announcements.listen(book_channel(first)) as of_first,
        announcements.listen(book_channel(second)) as of_second,
        announcements.listen(user_channel(inner(ada.user_id))) as of_ada,
    ):
        with pytest.raises(ZeroDivisionError):
            async with context.work() as work:
                book = await work.session.get_one(Book, first)
                book.title = "half"
                await work.announce(book, BookChanged(book_id=first))
                work.tell([inner(ada.user_id)], first)
                await work.session.flush()
                _ = 1 / 0
        assert (await journal(app, first), await title_of(ada, ids[0])) == ([], "0")

        # Then one that holds, of two books: told only when it has, each with its own number, all of it in one list.
        async with context.work() as work:
            one, other = await work.session.get_one(Book, first), await work.session.get_one(Book, second)
            one.title = other.title = "whole"
            assert await work.announce(one, BookChanged(book_id=first)) == 1
            assert await work.announce(other, BookChanged(book_id=second)) == 1
            assert await work.announce(one, BookChanged(book_id=first)) == 2
            work.tell([inner(ada.user_id)], first)
            work.tell([inner(ada.user_id)], second)
            assert (one.seq, other.seq) == (2, 1)
            assert await journal(app, first) == []
        async with asyncio.timeout(asks.PATIENCE):
            assert await anext(of_first) == f"{one.epoch}:2"
            assert await anext(of_second) == f"{other.epoch}:1"
            assert await anext(of_ada) == ""
    assert (await journal(app, first), await journal(app, second)) == ([1, 2], [1])
    assert [await title_of(ada, id) for id in ids] == ["whole", "whole"]


async def test_who_finds_no_free_connection_is_refused_in_time_and_nothing_has_changed(settings: Settings) -> None:
    few = settings.model_copy(update={"database_pool": 2})
    async with served(few) as (app, url), httpx.AsyncClient(timeout=30) as http:
        ada = await somebody(app, Client(http, url), "Ada")
        id = await book_of(ada)
        async with app.parts.database.engine.connect(), app.parts.database.engine.connect():
            began = time.perf_counter()
            answers = await asyncio.gather(
                *(ada.ask(asks.UPDATE_BOOK, input={"id": id, "title": "late"}) for _ in range(20))
            )
            took = time.perf_counter() - began
        assert {answer.code for answer in answers} == {"UNAVAILABLE"}
        assert took < 2.5
        assert (await title_of(ada, id), await journal(app, inner(id))) == ("0", [])
        # Many at once are answered one after the other: each has an effect, or a clean refusal.
        answers = await asyncio.gather(
            *(ada.ask(asks.UPDATE_BOOK, input={"id": id, "title": f"new {n}"}) for n in range(100))
        )
        done = sorted(answer.it["seq"] for answer in answers if answer.code is None)
        assert {answer.code for answer in answers} <= {None, "UNAVAILABLE"}
        assert done == await journal(app, inner(id)) == list(range(1, len(done) + 1))


async def test_a_statement_that_hangs_is_cut_and_nothing_has_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STATEMENT_TIMEOUT", 1.0)
    async with served(settings) as (app, url), httpx.AsyncClient(timeout=30) as http:
        ada = await somebody(app, Client(http, url), "Ada")
        id = await book_of(ada)
        connection = await asyncpg.connect(settings.database_url)
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM books FOR UPDATE")
            began = time.perf_counter()
            refused = await ada.ask(asks.UPDATE_BOOK, input={"id": id, "title": "late"})
            took = time.perf_counter() - began
            assert (refused.code, refused.data) == ("UNAVAILABLE", {"updateBook": None})
            assert 0.9 < took < 4
            # Readers wait for nobody.
            assert await title_of(ada, id) == "0"
        await connection.close()
        assert (await changed(ada, id, title="1"), await journal(app, inner(id))) == (1, [1])


async def test_when_every_connection_is_ended_under_load_answers_are_clean_and_it_is_well_again(
    settings: Settings, client: Client, running: tuple[App, str]
) -> None:
    app, _ = running
    ada = await somebody(app, client, "Ada")
    id = await book_of(ada)
    admin = await asyncpg.connect(settings.database_url)
    acked: list[int] = []
    codes: set[str | None] = set()
    goes_on = True

    async def write(writer: int) -> None:
        number = 0
        while goes_on:
            number += 1
            answer = await ada.ask(asks.UPDATE_BOOK, input={"id": id, "title": f"{writer} {number}"})
            codes.add(answer.code)
            if answer.code is None:
                acked.append(answer.it["seq"])

    async def more() -> None:
        """Until ten more are done."""
        enough = len(acked) + 10
        while len(acked) < enough:
            await changed_or_refused()

    async def changed_or_refused() -> None:
        answer = await ada.ask(asks.UPDATE_BOOK, input={"id": id, "description": uuid4().hex})
        codes.add(answer.code)
        if answer.code is None:
            acked.append(answer.it["seq"])

    writers = [asyncio.create_task(write(writer)) for writer in range(8)]
    await more()
    for _ in range(3):
        ended = await admin.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert ended > 0
        async with asyncio.timeout(10):
            await more()
    goes_on = False
    await asyncio.gather(*writers)
    await admin.close()
    assert codes <= {None, "UNAVAILABLE"}
    committed = await journal(app, inner(id))
    assert committed == list(range(1, len(committed) + 1))
    assert set(acked) <= set(committed) and len(acked) == len(set(acked))
    async with ada.follow(asks.EVENTS, bookId=id, after=0) as events:
        assert [event["seq"] for event in await events.take(len(committed))] == committed


async def test_what_people_wrote_is_not_in_what_goes_wrong(app: App) -> None:
    with pytest.raises(Exception, match="division by zero") as failed:
        async with app.parts.database.session() as session:
            await session.execute(text("SELECT 1 / 0, :secret"), {"secret": "hunter2"})
    assert "hunter2" not in str(failed.value)


async def test_who_is_no_more_is_told_so_whatever_they_were_about_to_do(app: App, client: Client) -> None:
    ada = await somebody(app, client, "Ada")
    context = context_of(app, ada)
    with pytest.raises(Unauthenticated, match="There is no such account any more"):
        async with context.work() as work:
            work.session.add(Book(title="By the sea", created_by=inner(ada.user_id)))
            async with app.parts.database.connection() as connection:
                await connection.execute("DELETE FROM users WHERE id = $1", inner(ada.user_id))


# --- statements that were built once

TRIES: Final = "SELECT count(*) FROM attempts WHERE key = $1"
ADD: Final = compiled(select(literal(1)).add_cte(row_of(Attempt)))


async def test_what_is_run_first_of_all_is_of_the_work_as_everything_else(app: App) -> None:
    context, key = Context(app.parts, None), uuid4().bytes
    with pytest.raises(ZeroDivisionError):
        async with context.work() as work:
            await work.run(ADD, values_of(Attempt(key=key, at=work.now)))
            _ = 1 / 0
    assert await app.parts.database.fetch_value(TRIES, [key]) == 0
    async with context.work() as work:
        work.session.add(Attempt(key=key, at=work.now))
        # It comes after what was written by then.
        [[seen]] = await work.run(
            compiled(select(func.count()).where(col(Attempt.key) == bindparam("key"))), {"key": key}
        )
        assert seen == 1
        await work.run(ADD, values_of(Attempt(key=key, at=work.now)))
    assert await app.parts.database.fetch_value(TRIES, [key]) == 2


async def test_a_row_that_is_run_is_the_row_that_is_added(app: App, town: tuple[App, Client]) -> None:
    ada, context = await somebody(*town, "Ada"), Context(app.parts, None)
    details = {"proof": "PASSWORD", "platform": None, "é": [1, {"a": 2}]}
    about: dict[str, Any] = {
        "user_id": inner(ada.user_id),
        "kind": "SIGNED_IN",
        "user_agent": "a",
        "details": details,
    }
    statement = compiled(select(literal(1)).add_cte(row_of(SecurityEvent)))
    async with context.work() as work:
        added, ran = (SecurityEvent(at=work.now, **about) for _ in range(2))
        work.session.add(added)
        await work.run(statement, values_of(ran))
    async with app.parts.database.session() as session:
        rows = [(await session.get_one(SecurityEvent, each.id)).model_dump(exclude={"id"}) for each in (added, ran)]
    assert rows[0] == rows[1]
    assert rows[0]["details"] == details


async def test_what_a_refusal_of_the_database_tells_of_rows_is_not_kept(app: App) -> None:
    context, one = Context(app.parts, None), Attempt(key=b"secret", at=datetime.now(UTC))
    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        async with context.work() as work:
            await work.run(ADD, values_of(one))
            await work.run(ADD, values_of(one))
    assert caught.value.detail is None


async def test_a_connection_that_is_lost_between_two_statements_is_said_to_be_lost(app: App) -> None:
    context = Context(app.parts, None)
    with pytest.raises(Exception) as caught:
        async with context.work() as work:
            [[pid]] = await work.run(compiled(select(func.pg_backend_pid())), {})
            await app.parts.database.fetch_value("SELECT pg_terminate_backend($1)", [pid])
            await work.run(ADD, values_of(Attempt(key=b"", at=work.now)))
    assert is_absence(caught.value)


async def test_what_is_run_is_told_to_whoever_traces(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    @contextmanager
    def observe(statement: str) -> Iterator[None]:
        told.append(statement)
        yield

    monkeypatch.setattr(app.parts.database.connections, "observe", observe)
    async with Context(app.parts, None).work() as work:
        await work.run(ADD, values_of(Attempt(key=b"", at=work.now)))
    assert ADD.sql in told
