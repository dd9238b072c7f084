"""Jobs as they are shown to, and mended by, whoever runs the house."""

import re
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.job import JobState
from resolvers.jobs import REGISTRY
from storage.database import Database
from storage.jobs import Backlog, Job, Listed, Queue

#: Characters of an error that a line shows.
_ERROR: Final = 160
#: The kinds whose keys begin with a photo's UUID.
_PHOTOS: Final = "photo."
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def show(database: Database, states: list[str], most: int, out: Console, err: Console) -> None:
    """What runs, waits and is dead, and how much there is of it: as a table, or for programs a line each with tabs."""
    now = datetime.now(UTC)
    jobs = [_cells(job, now) for job in await Listed.of(database, states, most)]
    if not out.is_terminal:
        out.file.writelines("\t".join(cells) + "\n" for cells in jobs)
    elif jobs:
        table = Table()
        for name in ("id", "job", "key", "state", "tried", "when", "error"):
            # What somebody copies is whole, however narrow the window is.
            table.add_column(name, no_wrap=name in ("id", "state"), overflow="fold")
        for cells in jobs:
            # As Text: what is in there may look like markup, and is somebody else's.
            table.add_row(*map(Text, cells))
        out.print(table)
    backlog = await Backlog.of(database)
    told = out if out.is_terminal else err
    told.print(f"{backlog.waiting:,} due, {backlog.running:,} running, {backlog.dead:,} dead.")


async def retry(database: Database, id: int) -> bool:
    """Whether there was a dead one of this number. Raises ValueError where the same waits already."""
    return await Queue(database).again(id)


async def put(database: Database, name: str, payload: str) -> None:
    """Puts a job as if it were owed. Raises ValueError for a name that nobody knows, and a payload that is none."""
    kind = REGISTRY.get(name)
    if kind is None:
        raise ValueError(f"there is no job {name}; there are {', '.join(sorted(REGISTRY.names))}")
    try:
        read = kind.read(payload)
    except ValidationError as error:
        raise ValueError(f"--payload of {name}: {'; '.join(map(_lacking, error.errors()))}") from None
    job: Job = kind.job(read)
    async with database.session.begin() as session:
        await Queue.put(session, [job])


def _lacking(error: ErrorDetails) -> str:
    field = ".".join(map(str, error["loc"]))
    return f"{field} is missing" if error["type"] == "missing" else f"{field or 'it'} is wrong: {error['msg']}"


def _cells(job: Listed, now: datetime) -> tuple[str, ...]:
    when, error = _when(job, now), _plain(job.error or "")
    return (str(job.id), _plain(job.name), _plain(_key(job)), job.state, str(job.tries), when, error)


def _key(job: Listed) -> str:
    """With the id that the API has for a photo."""
    key = job.key or ""
    return f"im_{key}" if job.name.startswith(_PHOTOS) and _UUID.match(key) else key


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
