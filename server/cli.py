"""The command line: `leporello dev | serve | worker | jobs | migrate | schema | doctor | sweep | epoch`."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import asyncpg
import typer
import uvloop
from rich.console import Console

import schema
from models.job import JobState
from models.refusal import Unavailable
from resolvers.jobs.sweep import SweepRefused
from server import development, doctor, preparation, serving, sweeping, worker
from server.embedded import StackFailed, StackInUse
from server.observe import logs
from server.settings import Settings, SettingsRefused, read
from server.worker import shown
from storage.database import Database
from storage.jobs import LISTED
from storage.journal import new_epochs
from storage.migrations import newest

T = TypeVar("T")
cli = typer.Typer(
    help="Leporello: the backend for shared picture books.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
_jobs = typer.Typer(help="What is owed: shown, tried anew, and asked for by hand.", no_args_is_help=True)
cli.add_typer(_jobs, name="jobs")
_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)
#: What the program needs of its parts.
_PARTS = ("secret_key", "database_url", "redis_url", "s3_endpoint", "s3_access_key", "s3_secret_key")

Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on.")]


@cli.command()
def dev(
    host: Host = None,
    port: Port = None,
    data: Annotated[Path, typer.Option(help="Where the embedded stack keeps its data.")] = Path(".leporello"),
    demo: Annotated[bool, typer.Option(help="Fill a demo book, if there is none.")] = True,
) -> None:
    """Run everything on this machine: the parts that no setting names are started with it."""
    settings = _settings(host=host, port=port)
    _is_free(settings)
    _is_trusting(settings)
    _run(development.run(settings, data, with_demo=demo, out=_out))


@cli.command()
def serve(
    host: Host = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(help="How many processes.")] = None,
) -> None:
    """Run the API against the parts that the settings name."""
    settings = _settings(host=host, port=port, workers=workers)
    _has(settings, *_PARTS)
    _is_free(settings)
    _is_trusting(settings)
    logs.configure(json=not settings.is_development, level=settings.log_level)
    _run(_is_migrated(settings))
    serving.serve(settings)


@cli.command("worker")
def worker_(
    at_once: Annotated[int | None, typer.Option(help="How many jobs at a time.")] = None,
    beat: Annotated[Path | None, typer.Option(help="A file to touch while it lives.")] = None,
) -> None:
    """Do the jobs that are owed, until told to stop."""
    settings = _settings(jobs_at_once=at_once)
    _has(settings, *_PARTS)
    logs.configure(json=not settings.is_development, level=settings.log_level)
    _run(_is_migrated(settings))
    _run(worker.run(settings, beat))


@_jobs.command("list")
def list_(
    state: Annotated[
        list[JobState] | None, typer.Option(help="Only these; what is done is not shown unless asked.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=LISTED, help="How many at most.")] = 50,
) -> None:
    """Show what runs, waits and is dead, with its error."""
    states = state or [JobState.RUNNING, JobState.DEAD, JobState.WAITING]
    _with_database(lambda database: shown.show(database, [each.value for each in states], most, _out))


@_jobs.command()
def retry(id: Annotated[int, typer.Argument(help="Of a dead one, as `list` shows it.")]) -> None:
    """Have a dead job tried anew."""
    if not _with_database(lambda database: shown.retry(database, id)):
        _fail(f"There is no dead job {id}.")
    _out.print(f"Job {id} waits for a worker.")


@_jobs.command("run")
def run_(
    name: Annotated[str, typer.Argument(help="Of a kind of job.")],
    payload: Annotated[str, typer.Option(help="What it is given, in JSON.")] = "{}",
) -> None:
    """Put a job into the queue, as if it were owed."""
    _with_database(lambda database: shown.put(database, name, payload))
    _out.print(f"{name} waits for a worker.")


@cli.command()
def migrate() -> None:
    """Bring the database to the newest step, and make the bucket if it is missing."""
    settings = _settings()
    _has(settings, "database_url")
    _run(preparation.database(settings))
    _out.print(f"The database is at {newest()}.")
    if settings.s3_endpoint:
        _has(settings, "s3_access_key", "s3_secret_key")
        _run(preparation.bucket(settings))
        _out.print(f"The bucket {settings.s3_bucket} is there.")


@cli.command("schema")
def schema_(
    check: Annotated[bool, typer.Option(help="Only say whether schema/schema.graphql is current.")] = False,
) -> None:
    """Write the GraphQL schema into schema/schema.graphql."""
    current = schema.exported()
    if not check:
        schema.EXPORTED.write_text(current, "utf-8")
        _out.print(f"Written: {schema.EXPORTED.name}, {current.count(chr(10))} lines.")
    elif not schema.EXPORTED.exists() or schema.EXPORTED.read_text("utf-8") != current:
        _fail("schema/schema.graphql is stale: run `make schema`, and read what has changed.")


@cli.command("doctor")
def doctor_() -> None:
    """Say what can be reached and what not."""
    settings = _settings()
    if not _run(doctor.examine(settings, _out)):
        raise typer.Exit(1)


@cli.command()
def sweep(
    dry_run: Annotated[bool, typer.Option(help="Only say what would be deleted.")] = False,
    all: Annotated[bool, typer.Option(help="However much of the bucket is in no row.")] = False,
) -> None:
    """Delete what is in the bucket and belongs to no photo; say which photos have lost their bytes."""
    settings = _settings()
    _has(settings, *_PARTS)
    # What goes well is on the screen.
    logs.configure(json=not settings.is_development, level="warning")
    _run(_is_migrated(settings))
    try:
        is_whole = _run(sweeping.run(settings, _out, is_dry=dry_run, all=all))
    except SweepRefused as refused:
        _fail(str(refused))
    if not is_whole:
        raise typer.Exit(1)


@cli.command()
def epoch() -> None:
    """Give every book a new epoch: after a backup was restored, so that no client goes on in the old history."""
    settings = _settings()
    _has(settings, "database_url")

    async def renew() -> int:
        async with Database(str(settings.database_url)) as database:
            return await new_epochs(database)

    _out.print(f"{_run(renew()):,} books have a new epoch.")


def main() -> None:
    """The console script. What is expected to go wrong is one line; the rest is ours to be ashamed of."""
    cli()


async def _is_migrated(settings: Settings) -> None:
    behind = await doctor.behind(settings)
    if behind:
        raise StackFailed("postgres", behind)


def _with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    settings = _settings()
    _has(settings, "database_url")

    async def done() -> T:
        async with Database(str(settings.database_url), pool_size=2) as database:
            return await work(database)

    try:
        return _run(done())
    except ValueError as error:
        _fail(f"{str(error).splitlines()[0]}.")


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return _on_loop(work)
    except (StackFailed, StackInUse) as error:
        _fail(str(error))
    except Unavailable:
        _fail("The object store cannot be reached, or refuses us; `leporello doctor` says more.")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        _fail(f"Postgres cannot be reached: {str(error) or type(error).__name__}.")


def _on_loop(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _settings(**given: Any) -> Settings:
    try:
        return read(**given)
    except SettingsRefused as error:
        _fail(str(error))


def _has(settings: Settings, *names: str) -> None:
    missing = [name.upper() for name in names if getattr(settings, name) is None]
    if missing:
        _fail(f"{', '.join(missing)} must be set; `leporello dev` starts its own.")


def _is_free(settings: Settings) -> None:
    """A taken port is said before anything is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            taken = f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}."
            _fail(f"{taken} `make run PORT=8001` or --port names another.")


def _is_trusting(settings: Settings) -> None:
    """Said before any process is begun, as each of them would be anew."""
    if refused := doctor.distrusted(settings):
        _fail(refused)


def _fail(line: str) -> NoReturn:
    _err.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(1)
