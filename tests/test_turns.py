"""Who may change a book now, and who waits."""

import asyncio
from uuid import uuid4

import pytest

from resolvers import turns


async def enter(turn: turns.Turn) -> None:
    async with turn:
        pass


async def test_only_so_many_books_are_remembered_and_those_in_use_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "BOOKS", 2)
    kept, (first, second, third) = turns.Turns(), (uuid4(), uuid4(), uuid4())
    async with kept.of(first) as held:
        kept.of(second)
        kept.of(third)
        assert kept.of(first) is held
    again = kept.of(third)
    kept.of(second)
    assert kept.of(third) is again
    assert kept.of(first) is not held


async def test_who_gave_up_waiting_leaves_the_turn_to_others() -> None:
    turn = turns.Turn()
    async with turn:
        late = asyncio.create_task(enter(turn))
        await asyncio.sleep(0)
        turns._expire(turn._waiting[0])
    # The one who waited has not run since, and counts still.
    assert turn.users == 1
    await enter(turn)
    with pytest.raises(TimeoutError):
        await late
    assert turn.users == 0


async def test_who_is_cancelled_when_their_turn_came_passes_it_on() -> None:
    turn = turns.Turn()
    async with turn:
        first, second = (asyncio.create_task(enter(turn)) for _ in range(2))
        await asyncio.sleep(0)
        assert turn.users == 3
    first.cancel()
    await asyncio.wait([first, second])
    assert (first.cancelled(), second.exception(), turn.users) == (True, None, 0)


async def test_they_come_in_the_order_of_asking() -> None:
    turn, came = turns.Turn(), list[int]()

    async def come(number: int) -> None:
        async with turn:
            came.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*map(come, range(5)))
    assert came == [*range(5)]
