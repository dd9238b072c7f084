"""`make bench-live`: the whole of it, or what ARGS choose."""

import asyncio
import signal
import sys
from typing import Annotated, Final

import typer
from rich.console import Console

from bench.live import run
from bench.live.ladder import RATES
from bench.live.servers import KINDS
from bench.machine import Unfit
from server.embedded import StackFailed

_ALL: Final = ",".join(KINDS)
_RATES: Final = ",".join(map(str, RATES))
#: Where it is no terminal, as wide as the tables are.
_WIDTH: Final = 140
out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)


def main(
    only: Annotated[str, typer.Option(help=f"Which servers, of {_ALL}.")] = _ALL,
    sockets: Annotated[
        str, typer.Option(help="How many sockets each is given, one number after the other.")
    ] = "200,1000",
    only_ours: Annotated[str, typer.Option(help="How many Leporello is given besides.")] = "5000",
    rates: Annotated[str, typer.Option(help="Changes a second; it ends with the first that is too much.")] = _RATES,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each rate takes.")] = 5,
    idle: Annotated[int, typer.Option(min=0, help="How many sockets wait at the end; 0 leaves it out.")] = 10_000,
    ceiling: Annotated[bool, typer.Option(help="Measure the load itself first.")] = True,
    keep: Annotated[bool, typer.Option(help="Append the tables to docs/benchmarks.md.")] = True,
) -> None:
    """Measures how many sockets can follow a book, and how fast, and appends what it found to docs/benchmarks.md."""
    unknown = [one for one in _listed(only) if one not in KINDS]
    if unknown or not _listed(only):
        raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'} is not among {_ALL}.")
    asked = run.Asked(
        servers=_listed(only),
        sockets=tuple(map(int, _listed(sockets))),
        only_ours=tuple(map(int, _listed(only_ours))),
        rates=tuple(map(float, _listed(rates))),
        seconds=seconds,
        idle=idle,
        ceiling=ceiling,
        keep=keep,
    )
    # As Ctrl-C does: everything that was started is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(run.whole(asked, out))
    except (Unfit, StackFailed) as problem:
        out.print(f"[red]{type(problem).__name__}:[/]", str(problem), markup=True, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _listed(given: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in given.split(",") if one.strip())


if __name__ == "__main__":
    typer.run(main)
