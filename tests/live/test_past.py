"""What is no longer in memory is read once for all who are behind in the same place."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from resolvers.live import past
from resolvers.live.journal import PAGE, Row, page
from resolvers.live.kept import Budget
from resolvers.live.past import Past
from server.app import App
from tests.live.conftest import Execute
from tests.live.following import cost
from tests.live.twins import Gates
from tests.people import uuid_of


@dataclass
class Journal:
    """Of 150 events, as its past is read."""

    past: Past
    epoch: str

    async def after(self, seq: int) -> list[Row]:
        return await self.past.after(seq, self.epoch)


@pytest_asyncio.fixture
async def long(app: App, book_id: str, grown: int) -> Journal:
    id = UUID(uuid_of(book_id))
    epoch = await app.parts.database.fetch_value("SELECT epoch FROM books WHERE id = $1", [id])
    return Journal(Past(id, app.parts.database, Budget(), lambda: None), epoch)


def numbers(rows: list[Row]) -> list[int]:
    return [row.seq for row in rows]


async def test_a_block_is_read_up_to_its_end(long: Journal) -> None:
    assert PAGE == 64
    for after, first, last in ((0, 1, 64), (10, 11, 64), (63, 64, 64), (64, 65, 128), (130, 131, 150)):
        assert numbers(await long.after(after)) == list(range(first, last + 1))
    assert await long.after(150) == []


async def test_all_who_are_near_each_other_are_answered_by_one_read(app: App, long: Journal) -> None:
    with cost(app) as spent:
        found = await asyncio.gather(*(long.after(seq) for seq in range(64)))
        assert spent.read == 1
        await asyncio.gather(long.after(64), long.after(65))
        assert spent.read == 2
    assert [numbers(rows)[0] for rows in found] == list(range(1, 65))


async def test_what_was_read_of_late_is_not_read_again_but_in_another_epoch(app: App, long: Journal) -> None:
    with cost(app) as spent:
        assert numbers(await long.after(0)) == list(range(1, 65))
        assert numbers(await long.after(40)) == list(range(41, 65))
        assert spent.read == 1
        await long.past.after(40, "another")
        assert spent.read == 2
        long.past.clear()
        assert numbers(await long.after(40)) == list(range(41, 65))
        assert spent.read == 3


async def test_a_pruned_journal_does_not_go_on(app: App, book_id: str, long: Journal, execute: Execute) -> None:
    await execute("DELETE FROM events WHERE book_id = :id AND seq <= 10", id=uuid_of(book_id))
    assert [numbers(await long.after(seq))[:1] for seq in (0, 9, 10, 11)] == [[], [], [11], [12]]


async def test_who_comes_while_an_older_read_is_under_way_gets_what_came_since(
    app: App, book_id: str, long: Journal, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = Gates()

    async def held(*given: Any, **named: Any) -> Any:
        found = await page(*given, **named)
        await gates.wait()
        return found

    monkeypatch.setattr(past, "page", held)
    first = asyncio.create_task(long.after(140))
    older = await gates.held()
    await execute(
        "INSERT INTO events (book_id, seq, kind, payload, at) VALUES (:id, 151, 'BookChanged', '{}', now())",
        id=uuid_of(book_id),
    )
    second = asyncio.create_task(long.after(150))
    # A turn of the loop, in which it joins the read that it finds.
    await asyncio.sleep(0)
    older.set()
    assert numbers(await first) == list(range(141, 151))
    (await gates.held()).set()
    assert numbers(await second) == [151]


async def test_a_read_that_fails_is_told_to_all_and_tried_anew(long: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: Any, **__: Any) -> Any:
        raise ConnectionError("lost")

    with monkeypatch.context() as patch:
        patch.setattr(past, "page", lost)
        failed = await asyncio.gather(*(long.after(seq) for seq in (0, 5)), return_exceptions=True)
    assert [type(each) for each in failed] == [ConnectionError] * 2
    assert numbers(await long.after(140)) == list(range(141, 151))
