"""What a group is told: a helping at a time, kept for a little while, by one who may still see it."""

import asyncio
from typing import Any
from uuid import UUID

import orjson
import pytest

from models.refusal import Forbidden
from resolvers.live import Depends, Unshared, group
from resolvers.live.group import HELPING, PATIENCE, Group
from resolvers.live.journal import Row, page
from resolvers.live.kept import Budget
from resolvers.live.reader import Reader
from server.app import App
from tests import client as asks
from tests.client import Client, changed, joined
from tests.live.conftest import Execute
from tests.live.twins import Gates, Numbers, Paper, context_of
from tests.people import somebody, uuid_of


class Room:
    """A group of members, and the rows of their book."""

    def __init__(self, app: App, book_id: str, asked: Numbers) -> None:
        self.app = app
        self.book_id = UUID(uuid_of(book_id))
        self.asked = asked
        self.budget = Budget()
        self.group = Group("key", app.parts.database, self.book_id, asked, self.budget, is_member=True)

    def reader(self, client: Client) -> Reader:
        reader = Reader(context_of(self.app, client), self.asked, Paper(), 0)
        self.group.readers[reader] = None
        reader.group = self.group
        return reader

    async def rows(self, after: int = 0) -> list[Row]:
        async with self.app.parts.database.connection() as connection:
            found = await page(connection, self.book_id, after=after)
        assert found
        return found.rows


async def told(room: Room, rows: list[Row]) -> list[dict[str, Any]]:
    return [orjson.loads(each) for each in await room.group.payloads(rows)]


async def test_what_was_told_is_kept_for_a_little_while(
    app: App, ada: Client, book_id: str, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(app, book_id, Numbers())
    room.reader(ada)
    rows = await room.rows()
    assert [each["actor"] for each in await told(room, rows)] == ["Ada"]
    await execute("UPDATE users SET name = 'Augusta' WHERE id = :id", id=uuid_of(ada.user_id))
    assert [each["actor"] for each in await told(room, rows)] == ["Ada"]
    assert room.asked.asked == [[1]]
    monkeypatch.setattr(group, "FRESH", 0.0)
    assert [each["actor"] for each in await told(room, rows)] == ["Augusta"]


async def test_who_leaves_while_they_are_told_leaves_nothing_in_the_budget(app: App, ada: Client, book_id: str) -> None:
    gates = Gates()
    room = Room(app, book_id, Numbers(before=gates.wait))
    reader = room.reader(ada)
    telling = asyncio.create_task(room.group.payloads(await room.rows()))
    gate = await gates.held()
    # As the feed has it go.
    del room.group.readers[reader]
    room.group.clear()
    gate.set()
    assert len(await telling) == 1
    assert room.budget.size == 0


async def test_a_helping_is_told_at_once_and_one_event_at_least(app: App, ada: Client, book_id: str) -> None:
    for number in range(9):
        await changed(ada, book_id, title=f"{number}")
    room = Room(app, book_id, Numbers(weight=HELPING // 4))
    room.reader(ada)
    rows = await room.rows()
    # As long as nothing is known of them, one; then no more are asked for than are sent.
    assert [each["seq"] for each in await told(room, rows)] == [1]
    assert [each["seq"] for each in await told(room, rows[1:])] == [2, 3, 4]
    assert room.asked.asked == [[1], [2, 3, 4]]
    room.asked.weight = 2 * HELPING
    assert [each["seq"] for each in await told(room, rows[6:])] == [7]


async def test_what_takes_long_is_asked_for_in_smaller_helpings(
    app: App, ada: Client, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await changed(ada, book_id, title="another")
    room = Room(app, book_id, Numbers())
    room.reader(ada)
    rows = await room.rows()
    await told(room, rows[:1])
    assert room.group.cost < PATIENCE
    monkeypatch.setattr(group, "PATIENCE", 0.0)
    await told(room, rows[1:])
    room.group.clear()
    assert [each["seq"] for each in await told(room, rows)] == [1]


async def test_one_who_may_not_see_it_any_more_is_told_so_and_not_what_happened(
    app: App, ada: Client, book_id: str
) -> None:
    ben = await somebody(app, ada, "Ben")
    await joined(ada, book_id, ben)
    room = Room(app, book_id, Numbers(dependence=Depends.MEMBERSHIP))
    bens, adas = room.reader(ben), room.reader(ada)
    rows = (await room.rows())[:1]
    await ada.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=ben.user_id)
    # She stands for both of them, once he cannot.
    assert [each["seq"] for each in await told(room, rows)] == [1]
    with pytest.raises(Forbidden):
        bens.check()
    adas.check()
    del room.group.readers[adas]
    room.group.clear()
    with pytest.raises(Unshared):
        await room.group.payloads(rows)
