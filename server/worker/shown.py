"""Jobs as they are shown to, and mended by, whoever runs the house."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.job import JobState
from resolvers.jobs import REGISTRY
from storage.database import Database
from storage.jobs import Backlog, Job, Listed, Queue

#: Characters of an error that a line shows.
_ERROR = 160


async def show(database: Database, states: list[str], most: int, out: Console) -> None:
    """What runs, waits and is dead, and how much there is of it."""
    jobs = await Listed.of(database, states, most)
    table = Table("id", "job", "state", "tried", "when", "error")
    now = datetime.now(UTC)
    for job in jobs:
        name = f"{job.name} {job.key}" if job.key else job.name
        # As Text: what is in there may look like markup, and is somebody else's.
        cells = (str(job.id), _plain(name), job.state, str(job.tries), _when(job, now), _plain(job.error or ""))
        table.add_row(*map(Text, cells))
    if jobs:
        out.print(table)
    backlog = await Backlog.of(database)
    out.print(f"{backlog.waiting:,} due, {backlog.running:,} running, {backlog.dead:,} dead.")


async def retry(database: Database, id: int) -> bool:
    """Whether there was a dead one of this number. Raises ValueError where the same waits already."""
    return await Queue(database).again(id)


async def put(database: Database, name: str, payload: str) -> None:
    """Puts a job as if it were owed. Raises ValueError for a name that nobody knows, and a payload that is none."""
    kind = REGISTRY.get(name)
    if kind is None:
        raise ValueError(f"there is no job {name}; there are {', '.join(sorted(REGISTRY.names))}")
    job: Job = kind.job(kind.read(payload))
    async with database.session.begin() as session:
        await Queue.put(session, [job])


def _when(job: Listed, now: datetime) -> str:
    if job.state == JobState.WAITING and job.not_before > now:
        return f"in {_span((job.not_before - now).total_seconds())}"
    moment = job.ended_at or (job.began_at if job.state == JobState.RUNNING else job.not_before)
    return f"for {_span((now - (moment or job.put_at)).total_seconds())}"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _plain(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: _ERROR + 1])
    return printable if len(text) <= _ERROR else f"{printable[:_ERROR]}…"
