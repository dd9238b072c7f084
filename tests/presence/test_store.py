"""What Redis does in one step, whoever asks at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from models.columns import now
from server.settings import Settings
from storage.presence import FULL, Joined, Line, State, Store, presence_channel, store
from tests.sockets import until


@asynccontextmanager
async def opened(settings: Settings, process: str) -> AsyncIterator[Store]:
    line = Line(str(settings.redis_url))
    running = asyncio.create_task(line.run())
    yield Store(line, process)
    running.cancel()
    await asyncio.wait([running])
    await line.close()


@pytest_asyncio.fixture
async def both(base: Settings) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes'."""
    async with opened(base, "one") as one, opened(base, "two") as two:
        yield one, two


def somebody() -> State:
    return State(uuid4(), uuid4(), "EDITOR", now())


async def joined(store: Store, book_id: UUID, key: str = "tab") -> State:
    found = await store.join(book_id, key, somebody(), 2)
    assert isinstance(found, Joined)
    assert found.own in found.present
    return found.own


async def test_the_one_before_can_change_nothing_once_it_is_taken_over(both: tuple[Store, Store]) -> None:
    one, two = both
    book_id = uuid4()
    before = await joined(one, book_id)
    after = await joined(two, book_id)
    assert after == replace(before, version=(2, 0))
    assert await one.put(book_id, "tab", replace(before, cursor=(1, 1), version=(1, 9)), fresh=False) is False
    one.leave(book_id, before, 0)
    assert await one.tend(book_id, [before]) == (1, {before.id})
    assert await one.read(book_id) == [after]
    moved = replace(after, cursor=(2, 2), version=(2, 1))
    assert await two.put(book_id, "tab", moved, fresh=False) is True
    assert await two.tend(book_id, [moved]) == (1, set())
    assert (await two.read(book_id), await two.has(book_id, "tab")) == ([moved], True)
    two.leave(book_id, moved, 0)
    assert (await two.read(book_id), await two.has(book_id, "tab")) == ([], False)


async def test_a_key_is_one_presence_and_a_book_has_room_for_so_many(both: tuple[Store, Store]) -> None:
    one, two = both
    book_id = uuid4()
    found = await asyncio.gather(*(joined(each, book_id) for each in (one, two) * 5))
    assert len({each.id for each in found}) == 1
    assert sorted(each.version for each in found) == [(generation, 0) for generation in range(1, 11)]
    other = await joined(one, book_id, "other")
    assert await two.join(book_id, "third", somebody(), 2) is FULL
    # Whoever came while Redis was away replaces what has their key, and is replaced by nobody who was there before.
    fresh = somebody()
    assert await one.put(book_id, "other", fresh, fresh=True) is True
    assert await two.put(book_id, "other", other, fresh=False) is False
    assert {each.id for each in await one.read(book_id) or []} == {found[0].id, fresh.id}


async def test_who_is_not_renewed_leaves_once_whoever_looks(
    both: tuple[Store, Store], base: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = both
    book_id = uuid4()
    stays = await joined(one, book_id, "stays")
    monkeypatch.setattr(store, "LEASE", 1)
    goes = await joined(two, book_id, "goes")
    async with Redis.from_url(str(base.redis_url)) as redis, redis.pubsub() as heard:
        await heard.subscribe(presence_channel(book_id))
        await heard.get_message(timeout=5)

        async def is_overdue() -> bool:
            return await one.read(book_id) == [stays]

        await until(is_overdue, within=5)
        await asyncio.gather(*(each.tend(book_id, []) for each in (one, two) * 10))
        assert await one.read(book_id) == [stays]
        await redis.publish(presence_channel(book_id), "the end")
        told: list[bytes] = []
        while not told or told[-1] != b"the end":
            told.append((await heard.get_message(timeout=5))["data"])
    assert told == [f"left {goes.id}".encode(), b"the end"]
