"""The queue's own job: what ended long ago is deleted."""

from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.run import Run
from storage.jobs import Queue


async def prune(run: Run, asked: Nothing) -> None:
    await Queue(run.parts.database).prune()


PRUNE = Kind("jobs.prune", Nothing, prune, timeout=600.0, tries=3, priority=90, cron="7 * * * *")
