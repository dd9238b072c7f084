"""Those who ask alike, told together: what it costs, and what becomes of one who does not keep up."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from models.refusal import Forbidden
from resolvers.presence import group, portraits
from resolvers.presence.kept import LIMIT, Kept
from resolvers.presence.projection import Unshared
from resolvers.presence.room import Room
from resolvers.presence.watcher import AT_ONCE
from tests.live.twins import Gates
from tests.presence.twins import Places, moved, somebody, there


async def test_what_is_told_is_made_once_and_leaves_in_one_write_but_for_who_did_it() -> None:
    room, asked = Room(uuid4()), Places()
    async with there(room, asked) as ada, there(room, asked) as ben, there(room, asked) as cleo:
        assert cleo.first == {"self": str(cleo.me.id), "all": [[str(one.me.id), 0] for one in (ada, ben, cleo)]}
        await ada.sees((ben.me, 0), (cleo.me, 0))
        await ben.sees((cleo.me, 0))
        asked.made = 0
        for one in (ada, ben, cleo):
            one.paper.sizes.clear()
        # One beat; of two steps of one person the end.
        for x, one in enumerate((ada, ada, ben, cleo)):
            one.move(x)
        await ada.sees((ben.me, 2), (cleo.me, 3))
        await ben.sees((ada.me, 1), (cleo.me, 3))
        await cleo.sees((ada.me, 1), (ben.me, 2))
        assert asked.made == 3
        assert [len(one.paper.sizes) for one in (ada, ben, cleo)] == [1, 1, 1]
        # What nobody could tell from before is not told, and what others did to them they are told of themselves.
        ben.move(2)
        cleo.move(4)
        await ada.sees((cleo.me, 4))
        ben.move(2, role="VIEWER")
        await ben.sees((cleo.me, 4), (ben.me, 2))
        await ada.sees((ben.me, 2))


async def test_of_what_others_did_meanwhile_a_busy_reader_gets_the_end_in_one_write() -> None:
    room, asked = Room(uuid4()), Places()
    async with there(room, asked) as ada, there(room, asked) as ben:
        await ada.sees((ben.me, 0))
        ada.paper.is_free.clear()
        ada.paper.sizes.clear()
        passing = somebody()
        room.put(passing)
        for x in range(1, 101):
            ben.move(x)
            ada.move(x)
            # All that is told is told to those who read.
            assert {"is": [str(ada.me.id), x]} in [await ben.paper.next() for _ in range(1 + (x == 1))]
        assert ada.paper.sent.empty()
        room.remove(passing.id)
        # Of themselves what others did.
        ada.move(100, role="VIEWER")
        assert [await ben.paper.next(), await ben.paper.next()] == [
            {"left": str(passing.id)},
            {"is": [str(ada.me.id), 100]},
        ]
        asked.made = 0
        ada.paper.is_free.set()
        assert sorted([await ada.paper.next(), await ada.paper.next()], key=str) == sorted(
            [{"is": [str(one.me.id), 100]} for one in (ada, ben)], key=str
        )
        # It was made for the others.
        assert (len(ada.paper.sizes), ada.paper.sent.empty(), asked.made) == (1, True, 0)
        # Of what they did themselves nothing.
        for x, more in enumerate(({"role": "EDITOR"}, {}), 6):
            ada.paper.is_free.clear()
            ada.move(x, **more)
            ben.move(x)
            seen = [await ben.paper.next()]
            ada.paper.is_free.set()
            assert seen == [{"is": [str(ada.me.id), x]}]
            await ada.sees(*([(ada.me, x)] if more else []), (ben.me, x))
            ben.move(5)
            await ada.sees((ben.me, 5))


async def test_whoever_missed_very_many_is_told_anew_who_is_there() -> None:
    room, asked = Room(uuid4()), Places()
    async with there(room, asked) as ada, there(room, asked) as ben:
        await ada.sees((ben.me, 0))
        ada.paper.is_free.clear()
        many = [somebody() for _ in range(AT_ONCE + 1)]
        # In two beats, of which neither is too much.
        for some in (many[::2], many[1::2]):
            for each in some:
                room.put(each)
            await ben.sees(*((each, 0) for each in some))
        ada.paper.is_free.set()
        told = await ada.paper.next()
        assert told["self"] == str(ada.me.id)
        assert {id for id, _ in told["all"]} == {str(each.id) for each in (*many, ada.me, ben.me)}
        # As well as whoever reads, when it is as much at once, or something may have been missed by the room itself.
        for each in many:
            room.put(moved(each, 1))
        assert len((await ada.paper.next())["all"]) == len((await ben.paper.next())["all"]) == len(many) + 2
        for watcher in room.watchers:
            watcher.tell_anew()
        assert len((await ada.paper.next())["all"]) == len((await ben.paper.next())["all"]) == len(many) + 2
        assert ada.paper.sent.empty()


async def test_one_who_does_not_read_is_ended_at_once_all_the_same() -> None:
    room, asked = Room(uuid4()), Places()
    async with there(room, asked) as ada, there(room, asked) as ben, there(room, asked) as cleo:
        await cleo.sees()
        ada.paper.is_free.clear()
        ben.move(1)
        await cleo.sees((ben.me, 1))
        assert not ada.follower.is_live
        ada.follower.end(Forbidden("Not any more."))
        assert isinstance(await ada.ending(), Forbidden)
        assert isinstance(ada.follower.refusal, Forbidden)
        ben.follower.end()
        assert await ben.ending() is None


async def test_who_cannot_be_read_yet_holds_up_nobody_and_is_told_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "AGAIN", 0.0)
    room, asked, gates = Room(uuid4()), Places(), Gates()
    async with there(room, asked) as ada, there(room, asked) as ben:
        await ada.sees((ben.me, 0))
        asked.before = gates.wait
        late = somebody()
        room.put(late)
        gate = await gates.held()
        ben.move(1)
        await ada.sees((ben.me, 1))
        failing = [ConnectionError("away"), None]

        def fail() -> None:
            if error := failing.pop(0):
                raise error

        asked.before = fail
        room.put(another := somebody())
        gate.set()
        assert [await ada.paper.next() for _ in range(2)] == [{"is": [str(each.id), 0]} for each in (late, another)]
        assert (failing, asked.read[-2:]) == ([], [{another.user_id}] * 2)


async def test_who_comes_while_people_cannot_be_read_is_told_so_and_the_others_stay() -> None:
    room, asked = Room(uuid4()), Places()
    async with there(room, asked) as ada:

        def fail() -> None:
            raise ConnectionError("away")

        asked.before = fail
        async with there(room, asked, is_told=False) as ben:
            assert isinstance(await ben.ending(), ConnectionError)
        asked.before = lambda: None
        ada.room.remove(ben.me.id)
        async with there(room, asked) as cleo:
            assert {id for id, _ in cleo.first["all"]} == {str(one.me.id) for one in (ada, cleo)}


async def test_what_cannot_be_shared_ends_all_who_asked_it_for_the_ordinary_way() -> None:
    room, asked, other = Room(uuid4()), Places(), Places("other")
    async with there(room, asked) as ada, there(room, asked) as ben, there(room, other) as cleo:

        def cannot() -> None:
            raise Unshared

        asked.before = cannot
        room.put(somebody())
        for one in (ada, ben):
            assert isinstance(await one.ending(), Unshared)
        assert [*room.groups] == ["other"]
        cleo.move(1)
        assert not cleo.running.done()


async def test_who_does_not_belong_to_the_book_is_there_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    room, stranger, strange = Room(uuid4()), somebody(), somebody()
    asked = Places(strangers={stranger.user_id})
    room.put(stranger)
    async with there(room, asked) as ada, there(room, asked) as ben:
        assert {id for id, _ in ben.first["all"]} == {str(one.me.id) for one in (ada, ben)}
        await ada.sees((ben.me, 0))
        # Nor is what a newer program tells, as long as we do not understand it.
        room.put(replace(strange, cursor=5))  # type: ignore[arg-type]
        room.put(moved(stranger, 1))
        ben.move(1)
        await ada.sees((ben.me, 1))
        # By now they do, and whoever comes finds out.
        asked.strangers.clear()
        monkeypatch.setattr(portraits, "FRESH", 0.0)
        async with there(room, asked) as cleo:
            assert str(stranger.id) in {id for id, _ in cleo.first["all"]}
            told = [await ada.paper.next(), await ada.paper.next()]
            assert {"is": [str(stranger.id), 1]} in told


async def test_people_are_read_once_for_all_and_nothing_is_left_behind() -> None:
    room, asked = Room(uuid4()), Places()
    async with AsyncExitStack() as stack:
        ones = [await stack.enter_async_context(there(room, asked)) for _ in range(5)]
        assert sorted(id for read in asked.read for id in read) == sorted(one.me.user_id for one in ones)
        [one] = room.groups.values()
        assert room.watchers == {one}
    assert (room.groups, room.watchers) == ({}, set())
    async with asyncio.timeout(5):
        await asyncio.wait([one._task])
    assert one._task.cancelled()


def test_little_is_kept_and_only_of_the_newest() -> None:
    kept, state = Kept[bytes](), somebody()
    kept.put(state, b"1", 1)
    assert (kept.get(state), kept.get(moved(state, 1))) == (b"1", None)
    newer = moved(state, 2)
    kept.put(newer, b"2", LIMIT)
    assert (kept.get(state), kept.get(newer)) == (None, b"2")
    other = somebody()
    kept.put(other, b"3", 1)
    assert (kept.get(newer), kept.get(other)) == (None, b"3")
    kept.drop(UUID(int=0))
    kept.drop(other.id)
    assert kept.get(other) is None
