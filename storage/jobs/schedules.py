"""Jobs that come by the clock: the database's, in UTC, and once however many look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cronsim import CronSim, CronSimError

from storage.database import Database
from storage.jobs.bell import CHANNEL

#: What keeps one of them from waiting twice.
KEY: Final = "schedule"

_NOW: Final = "SELECT now()"

# A schedule that is new begins with its next moment, and not with the one that was last.
_MEET: Final = """
INSERT INTO job_schedules (name, slot) SELECT * FROM unnest($1::text[], $2::timestamptz[]) ON CONFLICT DO NOTHING
"""

_FIRE: Final = f"""
WITH due AS (
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::smallint[])
      AS due (name, slot, payload, priority)
), moved AS (
    UPDATE job_schedules SET slot = due.slot FROM due
    WHERE job_schedules.name = due.name AND job_schedules.slot < due.slot
    RETURNING due.*
), put AS (
    INSERT INTO jobs (name, key, payload, priority, state, debounce, not_before, put_at, tries)
    SELECT name, '{KEY}', payload::json, priority, 'WAITING', false, now(), now(), 0 FROM moved
    ON CONFLICT (name, key) WHERE state = 'WAITING' DO NOTHING
    RETURNING name
)
SELECT name, pg_notify('{CHANNEL}', '') FROM put
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Due:
    """A job that comes by the clock, as `cron` says it: five fields, in UTC."""

    name: str
    cron: str
    payload: str
    priority: int


def last_slot(cron: str, now: datetime) -> datetime:
    """The schedule's last moment up to `now`. Raises ValueError for a schedule that cannot be read."""
    try:
        # Going backwards, it passes the very moment by where it begins: this is the end of that minute.
        return next(CronSim(cron, now.astimezone(UTC).replace(second=59, microsecond=1), reverse=True))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{cron!r} is no schedule: {error}") from None


class Schedules:
    def __init__(self, database: Database, due: Sequence[Due]) -> None:
        self._database = database
        self._due = due
        self._fired: Mapping[str, datetime] | None = None

    async def fire(self) -> list[str]:
        """Puts what has become due since this was last done, by anybody: once, though it were due more often."""
        if not self._due:
            return []
        async with self._database.connection() as connection:
            now = await connection.value(_NOW)
            slots = {due.name: last_slot(due.cron, now) for due in self._due}
            if slots == self._fired:
                return []
            if self._fired is None:
                await connection.rows(_MEET, (list(slots), list(slots.values())))
            values = (
                list(slots),
                list(slots.values()),
                [due.payload for due in self._due],
                [due.priority for due in self._due],
            )
            rows = await connection.rows(_FIRE, values)
            self._fired = slots
        return [row["name"] for row in rows]
