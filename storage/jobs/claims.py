"""Jobs that are held by who runs them, and the statements by which they are taken and ended.

Whatever ends a try names its lease, which is new for each: who was away for too long ends nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from storage.jobs.bell import CHANNEL

#: Seconds for which whoever holds a job need not be heard of.
LEASE: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A job, and the right to end this try of it."""

    id: int
    name: str
    key: str | None
    payload: str
    priority: int
    #: This one counted.
    tries: int
    lease: UUID
    not_before: datetime
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """A try that nobody was heard of for the length of its lease."""

    id: int
    name: str
    tries: int
    lease: UUID


# Whoever asks again for what waits holds its row until they have committed, and so it does not run before it can see
# what they wrote; SKIP LOCKED passes it by. MATERIALIZED, for a plan that looked twice would lock more than it takes.
CLAIM: Final = """
WITH due AS MATERIALIZED (
    SELECT id FROM jobs AS job
    WHERE state = 'WAITING' AND not_before <= coalesce($4, now()) AND name = ANY($1::text[])
      AND (key IS NULL OR NOT EXISTS (
          SELECT FROM jobs AS other WHERE other.name = job.name AND other.key = job.key AND other.state = 'RUNNING'))
    ORDER BY priority, not_before, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET state = 'RUNNING', tries = tries + 1, lease = gen_random_uuid(), began_at = now(),
    leased_until = now() + $3::interval
FROM due WHERE jobs.id = due.id
RETURNING jobs.id, name, key, payload::text, priority, tries, lease, not_before, traceparent
"""

# Of one that is done as well: who ended it a moment ago has not lost it.
EXTEND: Final = """
UPDATE jobs SET leased_until = now() + $2::interval
WHERE lease = ANY($1::uuid[]) AND state IN ('RUNNING', 'DONE') AND id = ANY($3::bigint[])
RETURNING lease
"""

FINISH: Final = """
UPDATE jobs SET state = 'DONE', ended_at = clock_timestamp(), error = NULL
WHERE id = $1 AND lease = $2 AND state = 'RUNNING'
RETURNING id
"""

_MINE: Final = """
    SELECT id, name, key, payload, traceparent FROM jobs
    WHERE id = $1 AND lease = $2 AND state = 'RUNNING' AND ($3 OR leased_until < now())
    FOR UPDATE
"""

# One that was asked for meanwhile goes on in this one's stead, and waits as long as this one would.
RETRY: Final = f"""
WITH mine AS MATERIALIZED ({_MINE}), next AS (
    UPDATE jobs SET not_before = greatest(jobs.not_before, now() + $4::interval) FROM mine
    WHERE jobs.name = mine.name AND jobs.key = mine.key AND jobs.state = 'WAITING'
    RETURNING jobs.id
)
UPDATE jobs SET lease = NULL, leased_until = NULL, error = $5, tries = tries - $6,
    state = CASE WHEN EXISTS (SELECT FROM next) THEN 'DONE' ELSE 'WAITING' END,
    ended_at = CASE WHEN EXISTS (SELECT FROM next) THEN now() END,
    not_before = now() + $4::interval
FROM mine WHERE jobs.id = mine.id
RETURNING jobs.id, pg_notify('{CHANNEL}', '')
"""  # noqa: S608

DIE: Final = f"""
WITH mine AS MATERIALIZED ({_MINE}), put AS (
    INSERT INTO jobs (name, key, payload, priority, state, debounce, not_before, put_at, tries, traceparent)
    SELECT $5::text, key, payload, $6::smallint, 'WAITING', false, now(), now(), 0, traceparent
    FROM mine WHERE $5::text IS NOT NULL
    ON CONFLICT (name, key) WHERE state = 'WAITING' DO UPDATE SET payload = excluded.payload
    RETURNING pg_notify('{CHANNEL}', '')
)
UPDATE jobs SET state = 'DEAD', ended_at = now(), lease = NULL, leased_until = NULL, error = $4
FROM mine WHERE jobs.id = mine.id
RETURNING jobs.id, (SELECT count(*) FROM put)
"""  # noqa: S608

LAPSED: Final = """
SELECT id, name, tries, lease FROM jobs
WHERE state = 'RUNNING' AND leased_until < now() AND name = ANY($1::text[])
ORDER BY leased_until LIMIT $2
"""

# What is due and was not taken is held by somebody who writes, or waits for the same to end: it is looked at soon.
NEXT: Final = """
SELECT extract(epoch FROM (
    SELECT min(not_before) FROM jobs AS job WHERE state = 'WAITING' AND name = ANY($1::text[])
      AND (key IS NULL OR NOT EXISTS (
          SELECT FROM jobs AS other WHERE other.name = job.name AND other.key = job.key AND other.state = 'RUNNING'))
) - now())::float8 AS due,
extract(epoch FROM (
    SELECT min(leased_until) FROM jobs WHERE state = 'RUNNING' AND name = ANY($1::text[])) - now())::float8 AS lapsed
"""


def held(row: Any) -> Held:
    return Held(**dict(row))
