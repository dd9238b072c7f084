"""The command line: `leporello dev | serve | worker | jobs | user | migrate | schema | doctor | sweep | epoch`."""

import typer

from server.cli import jobs, keeping, serving, user

cli = typer.Typer(
    help="Leporello: the backend for shared picture books.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
cli.add_typer(serving.commands)
cli.add_typer(jobs.commands, name="jobs")
cli.add_typer(user.commands, name="user")
cli.add_typer(keeping.commands)


def main() -> None:
    """The console script. What is expected to go wrong is one line; the rest is ours to be ashamed of."""
    cli()
