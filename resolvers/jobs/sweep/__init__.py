"""The sweep: what is in the bucket and in no row goes, and what should be there and is not is said."""

from typing import Final

import structlog

from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.run import Run
from resolvers.jobs.sweep.refused import SweepRefused, SweptBySomebody, TooManyOrphans
from resolvers.jobs.sweep.swept import Swept
from resolvers.jobs.sweep.walk import LONGEST_JOB, YOUNG, Sweep

__all__ = ["LONGEST_JOB", "SWEEP", "YOUNG", "Sweep", "SweepRefused", "Swept", "SweptBySomebody", "TooManyOrphans"]

_log = structlog.get_logger("sweep")


async def sweep(run: Run, asked: Nothing) -> None:
    try:
        swept = await Sweep(run.parts).run()
    except SweptBySomebody:
        return
    tell = _log.error if swept.damaged or swept.stuck else _log.info
    tell("swept", **swept.told())


SWEEP: Final = Kind("photos.sweep", Nothing, sweep, timeout=3_000.0, tries=3, priority=95, cron="41 3 * * *")
