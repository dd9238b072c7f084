"""One who does not read for a while, and what comes late."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from models.columns import now
from resolvers.presence import room as rooms
from resolvers.presence.room import Room
from resolvers.presence.watcher import AT_ONCE, Left, Snapshot, Updated, Watcher
from storage.presence import Frame, State


def somebody(id: UUID | None = None, version: tuple[int, int] = (1, 0), x: float = 0) -> State:
    return State(id or uuid4(), uuid4(), "EDITOR", now(), version, cursor=(x, 0))


async def watching(room: Room) -> Watcher:
    me = somebody()
    watcher = Watcher(room.roster)
    room.watchers.add(watcher)
    room.put(me)
    watcher.begin(me.id)
    told = await anext(watcher)
    assert isinstance(told, Snapshot)
    assert (told.self_id, told.present[-1]) == (me.id, me)
    return watcher


async def is_quiet(watcher: Watcher) -> bool:
    """Nothing waits for it."""
    told = asyncio.ensure_future(anext(watcher))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waits = not told.done()
    told.cancel()
    return waits


async def test_of_what_others_did_meanwhile_a_busy_reader_gets_the_end() -> None:
    room = Room(uuid4())
    watcher, ada, ben = await watching(room), somebody(), somebody()
    for count in range(1, 101):
        for each in (ada, ben):
            room.put(replace(each, version=(1, count), cursor=(count, 0)))
    told = [await anext(watcher), await anext(watcher)]
    assert [(each.presence.id, each.presence.cursor) for each in told if isinstance(each, Updated)] == [
        (ada.id, (100, 0)),
        (ben.id, (100, 0)),
    ]
    assert await is_quiet(watcher)
    # Who came and went meanwhile was never there.
    room.put(passing := somebody())
    room.remove(passing.id)
    room.remove(ada.id)
    assert await anext(watcher) == Left(ada.id)
    assert await is_quiet(watcher)


async def test_whoever_missed_very_many_is_told_anew_who_is_there() -> None:
    room = Room(uuid4())
    watcher = await watching(room)
    many = [somebody() for _ in range(AT_ONCE + 1)]
    for each in many:
        room.put(each)
    told = await anext(watcher)
    assert isinstance(told, Snapshot)
    assert {each.id for each in told.present} >= {each.id for each in many}
    assert await is_quiet(watcher)


async def test_what_comes_late_changes_nothing() -> None:
    room = Room(uuid4())
    watcher, id = await watching(room), uuid4()
    newest = somebody(id, (2, 5), x=5)
    room.put(newest)
    assert await anext(watcher) == Updated(newest)
    for late in ((2, 5), (2, 4), (1, 99)):
        room.put(somebody(id, late, x=9))
        room.take([somebody(id, late, x=9)])
    assert room.roster[id] == newest
    # Taken over without a change: nobody could tell.
    room.put(replace(newest, version=(3, 5)))
    assert await is_quiet(watcher)
    # What was read before they left does not bring them back, but their coming does.
    room.remove(id)
    assert await anext(watcher) == Left(id)
    room.take([newest])
    assert await is_quiet(watcher)
    room.put(newest)
    assert await anext(watcher) == Updated(newest)


async def test_who_is_not_read_any_more_has_a_while_to_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "GRACE", 0.0)
    room = Room(uuid4())
    watcher, ada, ben = await watching(room), somebody(), somebody()
    room.take([ada, ben])
    assert [await anext(watcher), await anext(watcher)] == [Updated(ada), Updated(ben)]
    room.take([])
    assert room.expected == 0
    room.take([ada])
    assert room.expected == 1
    room.expire()
    assert await anext(watcher) == Left(ben.id)
    assert await is_quiet(watcher)


def test_the_largest_state_fits_into_a_message() -> None:
    number = -1.2345678901234567e-300
    frame = Frame(f"el_{uuid4()}", *[number] * 7)
    state = State(
        uuid4(),
        uuid4(),
        "CONTRIBUTOR",
        now(),
        page_id=f"pg_{uuid4()}",
        cursor=(number, number),
        selection=tuple(f"el_{uuid4()}" for _ in range(500)),
        frames=(frame,) * 200,
    )
    assert 60 * 1024 < len(state.json()) < 64 * 1024 - 200
    assert State.of(str(state.id), "1", "0", state.json()) == state
