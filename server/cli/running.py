"""How commands read their settings, run, and say what went wrong: in one line, with a non-zero exit."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import asyncpg
import typer
import uvloop
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from models.refusal import Refusal, Unavailable
from resolvers.context import Parts
from server import development, doctor
from server.app import parts_of
from server.embedded import StackFailed, StackInUse
from server.observe import logs
from server.settings import Settings, SettingsRefused, read
from storage.database import Database

T = TypeVar("T")
#: SQLSTATE of a table and of a column that is not there.
_OF_ANOTHER_STEP: Final = ("42P01", "42703")
#: Where `dev` keeps its data, and other commands look for it.
FOLDER: Final = Path(".leporello")
Data = Annotated[Path, typer.Option(help="The data of a running `leporello dev`, for what no setting names.")]
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
#: What the program needs of its parts.
PARTS = ("secret_key", "database_url", "redis_url", "s3_endpoint", "s3_access_key", "s3_secret_key")


class _Behind(Exception):
    """The database is not at the step that this program needs; the message says which it is at."""


def with_database(work: Callable[[Database], Awaitable[T]], data: Path = FOLDER) -> T:
    settings = settings_with(data, "database_url")

    async def done() -> T:
        async with Database(str(settings.database_url), pool_size=2) as database:
            return await work(database)

    try:
        return run(done())
    except ValueError as error:
        fail(f"{str(error).splitlines()[0]}.")


def with_parts(work: Callable[[Parts], Awaitable[T]], data: Path = FOLDER) -> T:
    """As a process of the program has them, so that the others hear at once of what is done."""
    settings = settings_with(data, *PARTS)
    # What goes well is on the screen.
    logs.configure(json=not settings.is_development, level="warning")
    run(is_migrated(settings))

    async def done() -> T:
        async with parts_of(settings) as parts:
            return await work(parts)

    try:
        return run(done())
    except Refusal as refused:
        fail(refused.message)


def run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return _on_loop(work)
    except (StackFailed, StackInUse, _Behind) as error:
        fail(str(error))
    except Unavailable:
        fail("The object store cannot be reached, or refuses us; `leporello doctor` says more.")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (OSError, asyncpg.PostgresError, DBAPIError, TimeoutError) as error:
        if getattr(getattr(error, "orig", error), "sqlstate", None) in _OF_ANOTHER_STEP:
            fail("The database is at another step than this program needs: run `leporello migrate`.")
        if isinstance(error, DBAPIError):
            raise
        fail(f"Postgres cannot be reached: {str(error) or type(error).__name__}.")


def settings_of(**given: Any) -> Settings:
    try:
        return read(**given)
    except SettingsRefused as error:
        fail(str(error))


def settings_with(data: Path, *names: str, **given: Any) -> Settings:
    """With these, if need be of the `dev` that runs on this folder."""
    settings = joined(settings_of(**given), data, *names)
    missing = _missing(settings, *names)
    if missing:
        fail(f"{missing} must be set, or `leporello dev` has to run on {data}.")
    return settings


def joined(settings: Settings, data: Path, *names: str) -> Settings:
    there = development.joined(settings, data) if _missing(settings, *names) else None
    if there is None:
        return settings
    err.print(f"With what `leporello dev` runs on {data}.", markup=False, soft_wrap=True)
    return there


def has(settings: Settings, *names: str) -> None:
    missing = _missing(settings, *names)
    if missing:
        fail(f"{missing} must be set; `leporello dev` starts its own.")


async def is_migrated(settings: Settings) -> None:
    behind = await doctor.behind(settings)
    if behind:
        raise _Behind(f"{behind[0].upper()}{behind[1:]}")


def is_free(settings: Settings) -> None:
    """A taken port is said before anything is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            taken = f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}."
            fail(f"{taken} `make run PORT=8001` or --port names another.")


def is_trusting(settings: Settings) -> None:
    """Said before any process is begun, as each of them would be anew."""
    if refused := doctor.distrusted(settings):
        fail(refused)


def fail(line: str) -> NoReturn:
    err.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(1)


def _missing(settings: Settings, *names: str) -> str:
    return ", ".join(name.upper() for name in names if getattr(settings, name) is None)


def _on_loop(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
