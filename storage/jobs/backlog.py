"""How much waits and for how long, and what there is to be looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from storage.database import Database

#: Rows that are listed at most.
LISTED: Final = 1_000

_BACKLOG: Final = """
SELECT
    (SELECT count(*) FROM jobs WHERE state = 'WAITING' AND not_before <= now()) AS waiting,
    (SELECT count(*) FROM jobs WHERE state = 'RUNNING') AS running,
    (SELECT count(*) FROM jobs WHERE state = 'DEAD') AS dead,
    coalesce(extract(epoch FROM now() - (
        SELECT min(not_before) FROM jobs WHERE state = 'WAITING' AND not_before <= now())), 0)::float8 AS oldest
"""

_LIST: Final = """
SELECT id, name, key, state, priority, tries, not_before, put_at, began_at, ended_at, error FROM jobs
WHERE state = ANY($1::text[])
ORDER BY array_position($1::text[], state), CASE WHEN state = 'DEAD' THEN -id END, priority, not_before, id
LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is due, what runs, what is dead, and for how many seconds the oldest has been due."""

    waiting: int
    running: int
    dead: int
    oldest: float

    @classmethod
    async def of(cls, database: Database) -> "Backlog":
        async with database.connection() as connection:
            [row] = await connection.rows(_BACKLOG)
        return cls(**dict(row))


@dataclass(frozen=True, slots=True)
class Listed:
    """A job as it is shown to whoever runs the house."""

    id: int
    name: str
    key: str | None
    state: str
    priority: int
    tries: int
    not_before: datetime
    put_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    error: str | None

    @classmethod
    async def of(cls, database: Database, states: list[str], most: int = LISTED) -> "list[Listed]":
        async with database.connection() as connection:
            return [cls(**dict(row)) for row in await connection.rows(_LIST, (states, most))]
