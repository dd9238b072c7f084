"""`leporello jobs`: what is owed."""

from typing import Annotated, Final

import typer

from models.job import JobState
from server.cli import running
from server.worker import shown
from storage.jobs import LISTED

#: Of the longest number that Postgres counts jobs by, all of whose numbers are in its range.
_DIGITS: Final = 18

commands = typer.Typer(help="What is owed: shown, tried anew, and asked for by hand.", no_args_is_help=True)


@commands.command("list")
def list_(
    state: Annotated[
        list[JobState] | None,
        typer.Option(case_sensitive=False, help="Only these; what is done is not shown unless asked."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=LISTED, help="How many at most.")] = 50,
    data: running.Data = running.FOLDER,
) -> None:
    """Show what runs, waits and is dead, with its error."""
    states = state or [JobState.RUNNING, JobState.DEAD, JobState.WAITING]
    names = [each.value for each in states]
    running.with_database(lambda database: shown.show(database, names, most, running.out, running.err), data)


@commands.command()
def retry(
    id: Annotated[str, typer.Argument(help="Of a dead one, as `list` shows it.")],
    data: running.Data = running.FOLDER,
) -> None:
    """Have a dead job tried anew."""
    # Not by its type, whose refusal is no line of ours.
    if not id.isascii() or not id.isdigit():
        running.fail(f"A job has a number, which `leporello jobs list` shows; {id} is none.")
    if len(id) > _DIGITS or not running.with_database(lambda database: shown.retry(database, int(id)), data):
        running.fail(f"There is no dead job {id}.")
    running.out.print(f"Job {id} waits for a worker.")


@commands.command("run")
def run_(
    name: Annotated[str, typer.Argument(help="Of a kind of job.")],
    payload: Annotated[str, typer.Option(help="What it is given, in JSON.")] = "{}",
    data: running.Data = running.FOLDER,
) -> None:
    """Put a job into the queue, as if it were owed."""
    running.with_database(lambda database: shown.put(database, name, payload), data)
    running.out.print(f"{name} waits for a worker.")
