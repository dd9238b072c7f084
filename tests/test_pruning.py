"""What becomes of old events."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from server.app import App
from storage import pruning
from storage.pruning import Pruning, prune
from tests import client as asks
from tests.client import Client, changed
from tests.people import somebody, uuid_of


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def ada(town: tuple[App, Client]) -> Client:
    return await somebody(*town, "Ada")


async def book_with(app: App, ada: Client, *ages: int) -> str:
    """A book whose events are so many hours old, by their seq."""
    book_id: str = (await ada.ask(asks.CREATE_BOOK, input={"title": "0"})).it["book"]["id"]
    for number, _ in enumerate(ages, 1):
        assert await changed(ada, book_id, title=str(number)) == number
    async with app.parts.database.connection() as connection:
        for seq, hours in enumerate(ages, 1):
            await connection.execute(
                "UPDATE events SET at = now() - $3::interval WHERE book_id = $1 AND seq = $2",
                uuid_of(book_id),
                seq,
                timedelta(hours=hours),
            )
    return book_id


async def left(app: App, book_id: str) -> list[int]:
    async with app.parts.database.connection() as connection:
        rows = await connection.rows("SELECT seq FROM events WHERE book_id = $1 ORDER BY seq", [uuid_of(book_id)])
    return [seq for (seq,) in rows]


async def test_an_event_goes_when_it_is_old_and_not_among_the_newest(app: App, ada: Client) -> None:
    old, young = await book_with(app, ada, *[30] * 7), await book_with(app, ada, *[1] * 7)
    few = await book_with(app, ada, 30, 30)
    assert (await prune(app.parts.database, kept=3) or 0) >= 4
    assert [await left(app, book_id) for book_id in (old, young, few)] == [[5, 6, 7], [*range(1, 8)], [1, 2]]
    assert await prune(app.parts.database, kept=3) == 0


async def test_there_is_never_a_hole(app: App, ada: Client) -> None:
    book_id = await book_with(app, ada, 30, 30, 1, 30, 30, 30)
    await prune(app.parts.database, kept=1)
    assert await left(app, book_id) == [3, 4, 5, 6]


async def test_who_resumes_from_before_is_told_to_read_anew(app: App, ada: Client) -> None:
    book_id = await book_with(app, ada, *[30] * 6)
    await prune(app.parts.database, kept=2)
    async with ada.follow(asks.EVENTS, bookId=book_id, after=2) as events:
        resync = await events.next()
        assert (resync["__typename"], resync["seq"]) == ("Resync", 6)
    async with ada.follow(asks.EVENTS, bookId=book_id, after=4) as events:
        assert [(await events.next())["seq"] for _ in range(2)] == [5, 6]


async def test_many_are_deleted_a_few_at_a_time(app: App, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "EVENTS", 2)
    monkeypatch.setattr(pruning, "BOOKS", 1)
    books = [await book_with(app, ada, *[30] * 6) for _ in range(2)]
    # And perhaps what other tests have left.
    assert (await prune(app.parts.database, kept=1) or 0) >= 10
    assert [await left(app, book_id) for book_id in books] == [[6], [6]]


async def test_one_process_at_a_time_is_at_it(app: App, ada: Client) -> None:
    await book_with(app, ada, *[30] * 3)
    other: Any = await app.parts.database.connect()
    try:
        await other.execute("SELECT pg_advisory_lock($1)", pruning.LOCK)
        assert await prune(app.parts.database, kept=1) is None
    finally:
        await other.close()
    assert (await prune(app.parts.database, kept=1) or 0) >= 2


async def test_it_goes_on_after_a_round_that_failed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[object] = []
    done = asyncio.Event()

    async def fails_at_first(database: object) -> None:
        rounds.append(database)
        if len(rounds) == 1:
            raise ConnectionError
        done.set()

    monkeypatch.setattr(pruning, "EVERY", 0.0)
    monkeypatch.setattr(pruning, "prune", fails_at_first)
    async with Pruning(app.parts.database):
        async with asyncio.timeout(asks.PATIENCE):
            await done.wait()
    assert len(rounds) >= 2
