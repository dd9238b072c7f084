"""The queue: what is put into it, and what becomes of it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database
from storage.jobs import claims
from storage.jobs.bell import CHANNEL
from storage.jobs.claims import LEASE, Held, Lapsed
from storage.jobs.job import ERROR_LIMIT, JOBS_LIMIT, Job, LeaseLost

#: Jobs of the dead that are looked at in one round, and ended ones that are deleted in one statement.
LAPSED_AT_ONCE: Final = 100
PRUNED_AT_ONCE: Final = 1_000
#: How long those that are done, and those that are dead, are kept.
DONE_FOR: Final = timedelta(days=1)
DEAD_FOR: Final = timedelta(days=30)

# In the order of their keys, so that two who ask for the same ones wait for each other, and not in a circle.
_PUT: Final = f"""
WITH asked AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::timestamptz[], $6::boolean[])
      AS asked (name, key, payload, priority, not_before, debounce)
), put AS (
    INSERT INTO jobs (name, key, payload, priority, state, debounce, not_before, put_at, tries, traceparent)
    SELECT name, key, payload::json, priority, 'WAITING', debounce, coalesce(not_before, now()), now(), 0, $7::text
    FROM asked ORDER BY name, key
    ON CONFLICT (name, key) WHERE state = 'WAITING' DO UPDATE SET
        payload = excluded.payload,
        priority = least(jobs.priority, excluded.priority),
        not_before = CASE WHEN excluded.debounce THEN greatest(jobs.not_before, excluded.not_before)
            ELSE least(jobs.not_before, excluded.not_before) END,
        debounce = excluded.debounce,
        traceparent = excluded.traceparent,
        tries = 0
    RETURNING id
)
SELECT count(*), pg_notify('{CHANNEL}', '') FROM put
"""  # noqa: S608

_AGAIN: Final = f"""
UPDATE jobs SET state = 'WAITING', tries = 0, not_before = now(), ended_at = NULL WHERE id = $1 AND state = 'DEAD'
RETURNING id, pg_notify('{CHANNEL}', '')
"""  # noqa: S608

_PRUNE: Final = """
DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs WHERE state = $1 AND ended_at < now() - $2::interval LIMIT $3 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


class Queue:
    """Jobs in the order of their priority; all its moments are by the database's clock."""

    def __init__(self, database: Database, *, lease: float = LEASE) -> None:
        self._database = database
        #: Seconds for which a job is the caller's.
        self.lease = lease
        self._lease = timedelta(seconds=lease)

    @staticmethod
    async def put(
        where: AsyncSession | asyncpg.Connection, jobs: Iterable[Job], traceparent: str | None = None
    ) -> None:
        """Writes these into the transaction of `where`, in one statement: they are there once it has held."""
        # The last word on a key counts: one statement cannot say two things of a row.
        once = {(job.name, job.key or place): job for place, job in enumerate(jobs)}
        if not once:
            return
        if len(once) > JOBS_LIMIT:
            raise ValueError(f"at most {JOBS_LIMIT:,} jobs are put at once")
        rows = [(j.name, j.key, j.written(), j.priority, j.not_before, j.debounce) for j in once.values()]
        values = (*(list(column) for column in zip(*rows, strict=True)), traceparent)
        if isinstance(where, AsyncSession):
            # By way of SQLAlchemy, for it begins the transaction with the first statement that it knows of.
            await (await where.connection()).exec_driver_sql(_PUT, values)
        else:
            await where.fetch(_PUT, *values)

    async def claim(self, names: Sequence[str], most: int, *, upto: datetime | None = None) -> list[Held]:
        """Takes the first that are due, or will be by `upto`; they are the caller's for the length of the lease."""
        rows = await self._rows(claims.CLAIM, list(names), most, self._lease, upto)
        return sorted(map(claims.held, rows), key=lambda job: (job.priority, job.not_before, job.id))

    async def extend(self, held: Collection[Held]) -> set[UUID]:
        """Holds these for longer; the leases of those that are still the caller's."""
        rows = await self._rows(claims.EXTEND, [job.lease for job in held], self._lease, [job.id for job in held])
        return {row["lease"] for row in rows}

    async def finish(self, held: Held) -> bool:
        """Whether it was still the caller's to end."""
        return bool(await self._rows(claims.FINISH, held.id, held.lease))

    @staticmethod
    async def finish_in(session: AsyncSession, held: Held) -> None:
        """Ends it in the session's transaction, as its last statement. Raises LeaseLost."""
        connection = await session.connection()
        if (await connection.exec_driver_sql(claims.FINISH, (held.id, held.lease))).first() is None:
            raise LeaseLost

    async def retry(self, job: Held | Lapsed, error: str, seconds: float) -> bool:
        """Has it tried again in so many seconds; whether it was the caller's, or nobody's any more."""
        return await self._put_back(job, error, seconds, uncounted=0)

    async def give_back(self, job: Held) -> bool:
        """As if it had not been tried."""
        return await self._put_back(job, None, 0, uncounted=1)

    async def _put_back(self, job: Held | Lapsed, error: str | None, seconds: float, *, uncounted: int) -> bool:
        values = (
            *(job.id, job.lease, isinstance(job, Held), timedelta(seconds=seconds), error and _fit(error), uncounted),
        )
        try:
            return bool(await self._rows(claims.RETRY, *values))
        except asyncpg.UniqueViolationError:
            # The same was asked for in between, and now it can be seen.
            return bool(await self._rows(claims.RETRY, *values))

    async def die(self, job: Held | Lapsed, error: str, then: tuple[str, int] | None = None) -> bool:
        """Tries it no more; `then` is the name and priority of a job that gets its payload in the same transaction."""
        name, priority = then or (None, None)
        is_mine = isinstance(job, Held)
        return bool(await self._rows(claims.DIE, job.id, job.lease, is_mine, _fit(error), name, priority))

    async def lapsed(self, names: Sequence[str]) -> list[Lapsed]:
        """Those whose holders were not heard of in time."""
        rows = await self._rows(claims.LAPSED, list(names), LAPSED_AT_ONCE)
        return [Lapsed(**dict(row)) for row in rows]

    async def next(self, names: Sequence[str]) -> tuple[float | None, float | None]:
        """In how many seconds something is due, and in how many the first lease lapses."""
        [row] = await self._rows(claims.NEXT, list(names))
        return row["due"], row["lapsed"]

    async def again(self, id: int) -> bool:
        """Has a dead one tried anew; whether there was one. Raises ValueError where the same waits already."""
        try:
            return bool(await self._rows(_AGAIN, id))
        except asyncpg.UniqueViolationError:
            raise ValueError("the same job waits already") from None

    async def prune(self) -> int:
        """Deletes what ended long ago; how many."""
        pruned = 0
        for state, kept in (("DONE", DONE_FOR), ("DEAD", DEAD_FOR)):
            while gone := len(await self._rows(_PRUNE, state, kept, PRUNED_AT_ONCE)):
                pruned += gone
        return pruned

    async def _rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        async with self._database.connection() as connection:
            return await connection.rows(sql, values)


def _fit(error: str) -> str:
    """Without what Postgres refuses, and no longer than is worth keeping."""
    return error[:ERROR_LIMIT].replace("\0", "").encode(errors="replace").decode()
