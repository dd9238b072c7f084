"""`leporello migrate | schema | doctor | sweep | epoch`: what is done once, and ends."""

from typing import Annotated

import typer

import schema
from resolvers.jobs.sweep import SweepRefused
from server import doctor, preparation, sweeping
from server.cli import running
from server.observe import logs
from storage.database import Database
from storage.journal import new_epochs
from storage.migrations import newest

commands = typer.Typer()


@commands.command()
def migrate(data: running.Data = running.FOLDER) -> None:
    """Bring the database to the newest step, and make the bucket if it is missing."""
    settings = running.settings_with(data, "database_url")
    running.run(preparation.database(settings))
    running.out.print(f"The database is at {newest()}.")
    if settings.s3_endpoint:
        running.has(settings, "s3_access_key", "s3_secret_key")
        running.run(preparation.bucket(settings))
        running.out.print(f"The bucket {settings.s3_bucket} is there.")


@commands.command("schema")
def schema_(
    check: Annotated[bool, typer.Option(help="Only say whether schema/schema.graphql is current.")] = False,
) -> None:
    """Write the GraphQL schema into schema/schema.graphql."""
    current = schema.exported()
    if not check:
        schema.EXPORTED.write_text(current, "utf-8")
        running.out.print(f"Written: {schema.EXPORTED.name}, {current.count(chr(10))} lines.")
    elif not schema.EXPORTED.exists() or schema.EXPORTED.read_text("utf-8") != current:
        running.fail("schema/schema.graphql is stale: run `make schema`, and read what has changed.")


@commands.command("doctor")
def doctor_(data: running.Data = running.FOLDER) -> None:
    """Say what can be reached and what not."""
    settings = running.joined(running.settings_of(), data, *running.PARTS)
    if not running.run(doctor.examine(settings, running.out)):
        raise typer.Exit(1)


@commands.command()
def sweep(
    dry_run: Annotated[bool, typer.Option(help="Only say what would be deleted.")] = False,
    all: Annotated[bool, typer.Option(help="However much of the bucket is in no row.")] = False,
    data: running.Data = running.FOLDER,
) -> None:
    """Delete what is in the bucket and belongs to no photo; say which photos have lost their bytes."""
    settings = running.settings_with(data, *running.PARTS)
    # What goes well is on the screen.
    logs.configure(json=not settings.is_development, level="warning")
    running.run(running.is_migrated(settings))
    try:
        is_whole = running.run(sweeping.run(settings, running.out, is_dry=dry_run, all=all))
    except SweepRefused as refused:
        running.fail(str(refused))
    if not is_whole:
        raise typer.Exit(1)


@commands.command()
def epoch() -> None:
    """Give every book a new epoch: after a backup was restored, so that no client goes on in the old history."""
    settings = running.settings_of()
    running.has(settings, "database_url")

    async def renew() -> int:
        async with Database(str(settings.database_url)) as database:
            return await new_epochs(database)

    running.out.print(f"{running.run(renew()):,} books have a new epoch.")
