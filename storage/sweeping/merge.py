"""Both sides of each id: a merge of what is sorted already."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TypeVar

from storage.sweeping.files import Files
from storage.sweeping.table import Row

T = TypeVar("T")


async def pairs(
    files: AsyncIterable[Files], rows: AsyncIterable[Row]
) -> AsyncIterator[tuple[Files | None, Row | None]]:
    """Every id that is on either side, once, with None for the side on which it is not."""
    ours, theirs = aiter(rows), aiter(files)
    row, file = await _next(ours), await _next(theirs)
    while row is not None or file is not None:
        if row is None or (file is not None and file.id < row.id):
            yield file, None
            file = await _next(theirs)
        elif file is None or row.id < file.id:
            yield None, row
            row = await _next(ours)
        else:
            yield file, row
            row, file = await _next(ours), await _next(theirs)


async def _next(side: AsyncIterator[T]) -> T | None:
    return await anext(side, None)
