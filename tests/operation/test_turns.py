"""Turns of those who change one book."""

import asyncio

import pytest

from resolvers import turns
from resolvers.turns import Turn


@pytest.mark.parametrize("hangs", [True, False])
async def test_who_waits_behind_one_that_hung_and_failed_fails_with_it(
    monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    monkeypatch.setattr(turns, "HANGING", 0.0 if hangs else 60.0)
    turn, ends = Turn(), []
    queue = asyncio.Event()

    async def first() -> None:
        async with turn:
            await queue.wait()
            raise ConnectionError

    async def next_() -> None:
        try:
            async with turn:
                ends.append("had it")
        except TimeoutError:
            ends.append("refused")

    tasks = [asyncio.create_task(first()), asyncio.create_task(next_()), asyncio.create_task(next_())]
    await asyncio.sleep(0)
    assert turn.users == len(tasks)
    queue.set()
    await asyncio.wait(tasks)
    assert isinstance(tasks[0].exception(), ConnectionError)
    assert ends == ["refused" if hangs else "had it"] * 2
    async with turn:
        assert turn.users == 1
