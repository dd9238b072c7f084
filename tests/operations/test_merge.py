"""Two sorted sides, one after the other and side by side, and no more of them in memory than a page."""

import random
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from models.object import Part, key_of
from storage.objects import Found, Objects
from storage.sweeping import Files, Listing, OutOfOrder, Row, id_of, pairs

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Twin:
    """A bucket that only lists: these keys, each made when it is asked for."""

    def __init__(self, ids: Any) -> None:
        self.ids = ids

    async def list(self, prefix: str) -> AsyncIterator[Found]:
        for number in self.ids:
            for part in sorted(Part):
                yield Found(key_of(UUID(int=number), part), 1, NOW, "etag")


def listing(ids: Any) -> Listing:
    return Listing(cast(Objects, Twin(ids)))


async def table(ids: Any) -> AsyncIterator[Row]:
    for number in ids:
        yield Row(UUID(int=number), True, True, False, False, 1, [])


async def both(files: Any, rows: Any) -> list[tuple[int, bool, bool]]:
    found = []
    async for file, row in pairs(listing(files), table(rows)):
        side = file or row
        assert side is not None
        found.append((side.id.int, file is not None, row is not None))
    return found


@pytest.mark.parametrize("seed", range(20))
async def test_every_id_is_met_once_on_the_sides_where_it_is(seed: int) -> None:
    chance = random.Random(seed)
    files, rows = ({chance.randrange(60) for _ in range(chance.randrange(50))} for _ in range(2))
    assert await both(sorted(files), sorted(rows)) == [(n, n in files, n in rows) for n in sorted(files | rows)]


async def test_a_bucket_that_is_out_of_order_is_refused() -> None:
    with pytest.raises(OutOfOrder):
        await both([1, 3, 2], [])


@pytest.mark.parametrize("written", ["", "holiday", str(UUID(int=10)).upper(), "{" + str(UUID(int=1)) + "}", "0" * 32])
def test_an_id_is_written_in_one_way(written: str) -> None:
    assert id_of(written) is None
    assert id_of(str(UUID(int=10))) == UUID(int=10)


async def test_ten_thousand_photos_take_no_more_memory_than_a_hundred() -> None:
    async def peak(photos: int) -> int:
        tracemalloc.start()
        met = 0
        async for file, _ in pairs(listing(range(photos)), table(range(0, photos, 2))):
            met += isinstance(file, Files)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert met == photos
        return most

    few = await peak(100)
    assert await peak(10_000) < few + 32 * 1024
