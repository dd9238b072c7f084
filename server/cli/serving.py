"""`leporello dev | serve | worker`: what runs until it is told to stop."""

from pathlib import Path
from typing import Annotated

import typer

from server import development, serving, worker
from server.cli import running
from server.observe import logs

Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on.")]

commands = typer.Typer()


@commands.command()
def dev(
    host: Host = None,
    port: Port = None,
    data: Annotated[Path, typer.Option(help="Where the embedded stack keeps its data.")] = running.FOLDER,
    demo: Annotated[bool, typer.Option(help="Fill a demo book, if there is none.")] = True,
) -> None:
    """Run everything on this machine: the parts that no setting names are started with it."""
    settings = running.settings_of(host=host, port=port)
    running.is_free(settings)
    running.is_trusting(settings)
    running.run(development.run(settings, data, with_demo=demo, out=running.out))


@commands.command()
def serve(
    host: Host = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(help="How many processes.")] = None,
) -> None:
    """Run the API against the parts that the settings name."""
    settings = running.settings_of(host=host, port=port, workers=workers)
    running.has(settings, *running.PARTS)
    running.is_free(settings)
    running.is_trusting(settings)
    logs.configure(json=not settings.is_development, level=settings.log_level)
    running.run(running.is_migrated(settings))
    serving.serve(settings)


@commands.command("worker")
def worker_(
    at_once: Annotated[int | None, typer.Option(help="How many jobs at a time.")] = None,
    beat: Annotated[Path | None, typer.Option(help="A file to touch while it lives.")] = None,
    data: running.Data = running.FOLDER,
) -> None:
    """Do the jobs that are owed, until told to stop."""
    settings = running.settings_with(data, *running.PARTS, jobs_at_once=at_once)
    logs.configure(json=not settings.is_development, level=settings.log_level)
    running.run(running.is_migrated(settings))
    running.run(worker.run(settings, beat))
