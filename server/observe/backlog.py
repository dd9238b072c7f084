"""The queue's depth and age, asked for when somebody looks at the metrics: one statement."""

import asyncio
import math
from typing import Final

from server.observe.metrics import Metrics
from storage.database import Database
from storage.jobs import Backlog

#: Seconds that a look at the metrics waits for it.
_PATIENCE: Final = 2.0


def observe(metrics: Metrics, database: Database) -> None:
    """Tells what is due, runs and is dead, and since when the oldest is due; NaN while the database is away."""
    known: Backlog | None = None

    async def look() -> None:
        nonlocal known
        known = None
        async with asyncio.timeout(_PATIENCE):
            known = await Backlog.of(database)

    def told(name: str) -> float:
        return math.nan if known is None else float(getattr(known, name))

    metrics.before(look)
    metrics.gauge("jobs_waiting", "Jobs that are due and wait.", lambda: told("waiting"))
    metrics.gauge("jobs_running", "Jobs that are being done.", lambda: told("running"))
    metrics.gauge("jobs_dead", "Jobs that nobody tries any more.", lambda: told("dead"))
    metrics.gauge("jobs_oldest_seconds", "For how long the oldest job has been due.", lambda: told("oldest"))
