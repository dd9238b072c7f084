"""`make bench`: the whole of it, or what ARGS choose."""

import asyncio
import signal
import sys
from typing import Annotated, Final

import typer
from rich.console import Console

from bench import run
from bench.check import Differs
from bench.machine import Unfit
from bench.servers import Operation
from server.embedded import StackFailed

QUESTIONS: Final = (*(operation.value for operation in Operation), "parts", "big")
#: Where it is no terminal, as wide as the tables are.
_WIDTH: Final = 120
out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)


def main(
    only: Annotated[str, typer.Option(help=f"What is measured, of {', '.join(QUESTIONS)}.")] = ",".join(QUESTIONS),
    servers: Annotated[str, typer.Option(help="Which servers.")] = ",".join(run.SERVERS),
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured; the median is shown.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="How long each run takes.")] = 4,
    big_answers: Annotated[int, typer.Option(min=1, help="How many 10 MB answers.")] = 200,
    keep: Annotated[bool, typer.Option(help="Append the tables to docs/benchmarks.md.")] = True,
) -> None:
    """Measures Leporello beside others on this machine, and appends what it found to docs/benchmarks.md."""
    asked = run.Asked(_listed(only, QUESTIONS), _listed(servers, run.SERVERS), rounds, seconds, big_answers, keep)
    # As Ctrl-C does: everything that was started is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        is_valid = asyncio.run(run.whole(asked, out))
    except (Unfit, Differs, StackFailed) as problem:
        out.print(f"[red]{type(problem).__name__}:[/]", str(problem), markup=True, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if is_valid else 1)


def _listed(given: str, known: tuple[str, ...]) -> tuple[str, ...]:
    chosen = tuple(one.strip() for one in given.split(",") if one.strip())
    unknown = [one for one in chosen if one not in known]
    if unknown or not chosen:
        raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'} is not among {', '.join(known)}.")
    return chosen


if __name__ == "__main__":
    typer.run(main)
