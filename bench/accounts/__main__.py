"""`make bench-accounts`: the whole of it, or what ARGS choose."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer
from rich.console import Console

from bench.accounts.alike import told
from bench.accounts.beside import beside
from bench.accounts.checks import checks
from bench.accounts.crowd import crowd
from bench.accounts.ending import endings
from bench.accounts.house import House, house
from bench.accounts.keep import append
from bench.machine import Unfit
from bench.report import Answer
from server.embedded import StackFailed

_ALL: Final = "check,beside,crowd,alike,ending"
#: Where it is no terminal, as wide as the tables are.
_WIDTH: Final = 140
out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)


def main(
    only: Annotated[str, typer.Option(help=f"What is measured, of {_ALL}.")] = _ALL,
    sign_ins: Annotated[int, typer.Option(min=2, help="How many sign-ins of each kind, beside argon2id.")] = 100,
    people: Annotated[int, typer.Option(min=1, max=100, help="How many sign in at once.")] = 100,
    addresses: Annotated[int, typer.Option(min=2, help="How many known and unknown addresses.")] = 500,
    rounds: Annotated[int, typer.Option(min=1, help="How often many sign in, and sessions end.")] = 5,
    seed: Annotated[int, typer.Option(help="What the order of the addresses is drawn from.")] = 36,
    keep: Annotated[bool, typer.Option(help="Append the tables to docs/benchmarks.md.")] = True,
) -> None:
    """Measures what a sign-in costs and whom it holds up, and appends what it found to docs/benchmarks.md."""
    chosen = [one.strip() for one in only.split(",") if one.strip()]
    unknown = [one for one in chosen if one not in _ALL.split(",")]
    if unknown or not chosen:
        raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'} is not among {_ALL}.")
    ways: dict[str, Callable[[House], Awaitable[list[Answer]]]] = {
        "beside": lambda house: _listed(beside(house, sign_ins)),
        "crowd": lambda house: crowd(house, people, rounds),
        "alike": lambda house: _listed(told(house, addresses, seed)),
        "ending": lambda house: _listed(endings(house, rounds, people)),
    }
    # As Ctrl-C does: everything that was started is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        answers = asyncio.run(_whole({name: ways[name] for name in chosen if name in ways}, "check" in chosen))
        if keep:
            asyncio.run(append(answers))
    except (Unfit, StackFailed) as problem:
        out.print(f"[red]{type(problem).__name__}:[/]", str(problem), markup=True, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


async def _whole(ways: dict[str, Callable[[House], Awaitable[list[Answer]]]], with_checks: bool) -> list[Answer]:
    """Shows each table as soon as it is there."""
    answers = [checks()] if with_checks else []
    for answer in answers:
        answer.show(out)
    if ways:
        async with house() as here:
            # Ours is not to hold up what it measures.
            gc.collect()
            gc.freeze()
            for way in ways.values():
                for answer in await way(here):
                    answer.show(out)
                    answers.append(answer)
    return answers


async def _listed(answer: Awaitable[Answer]) -> list[Answer]:
    return [await answer]


if __name__ == "__main__":
    typer.run(main)
