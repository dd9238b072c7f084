"""What the table says of each photo."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from storage.database import Database

#: Rows that are read, and held, at a time.
PAGE: Final = 1_000

_PAGE: Final = """
SELECT o.id, o.created_at <= now() - $2::interval AS is_old,
  coalesce(o.developed_at <= now() - $2, false) AS is_developed,
  count(i.id) = 0 AS is_empty, coalesce(bool_and(i.status = 'FAILED'), false) AS has_failed,
  max(i.size) FILTER (WHERE i.status = 'READY' AND i.status_at <= now() - $2) AS size,
  coalesce(array_agg(i.id) FILTER (WHERE i.status = 'PENDING' AND i.status_at <= now() - $3::interval), '{}') AS expired
FROM (SELECT * FROM objects WHERE id > $1 ORDER BY id LIMIT $4) AS o LEFT JOIN images AS i ON i.object_id = o.id
GROUP BY o.id, o.created_at, o.developed_at ORDER BY o.id
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A photo's row, and what its images say of it."""

    id: UUID
    is_old: bool
    is_developed: bool
    #: Whether no image has it.
    is_empty: bool
    #: Whether all images that have it were refused: nothing of it is kept.
    has_failed: bool
    #: Bytes of the original; None where no image has long been READY.
    size: int | None
    #: Images that were never uploaded.
    expired: list[UUID]


async def rows(database: Database, *, young: timedelta, expiry: timedelta) -> AsyncIterator[Row]:
    """By id, a page at a time: those that have been there for `young` are old, tickets are expired after `expiry`."""
    after = UUID(int=0)
    while True:
        async with database.connection() as connection:
            page = await connection.rows(_PAGE, (after, young, expiry, PAGE))
        for row in page:
            yield Row(**dict(row))
        if len(page) < PAGE:
            return
        after = page[-1]["id"]
