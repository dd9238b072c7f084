"""`make faults`: all rows, or those that ARGS choose."""

import asyncio
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from server.embedded import StackFailed
from tests.faults import rows
from tests.faults.house import House
from tests.faults.pages import append, table, tell
from tests.faults.row import ROWS, Report
from tests.faults.scale import SHORT, Scale
from tests.faults.stage import chosen, perform

assert rows
out = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def main(
    only: Annotated[str, typer.Option(help="Which rows, as R01,R05; all unless said.")] = "",
    seed: Annotated[int, typer.Option(help="The first seed.")] = 1,
    repeat: Annotated[int, typer.Option(min=1, help="How many seeds, counted from the first.")] = 1,
    short: Annotated[bool, typer.Option(help="As small as in `make test`.")] = False,
    subscribers: Annotated[int, typer.Option(min=5, help="How many follow.")] = 50,
    rate: Annotated[float, typer.Option(min=1, help="Mutations a second.")] = 100.0,
    keep: Annotated[Path | None, typer.Option(help="An empty folder in which the logs stay.")] = None,
    write: Annotated[bool, typer.Option(help="Append the table to docs/faults.md.")] = False,
) -> None:
    """Breaks what the program stands on, and looks whether anything was lost."""
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise typer.BadParameter(f"{keep} is not empty.")
    try:
        ids = chosen(only, ROWS)
    except KeyError as unknown:
        raise typer.BadParameter(f"{unknown} is not among {', '.join(ROWS)}.") from None
    scale = SHORT if short else Scale(subscribers=subscribers, rate=rate)
    # As Ctrl-C does: everything that was started is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            reports = runner.run(_played(ids, scale, range(seed, seed + repeat), keep))
    except StackFailed as problem:
        out.print(str(problem), markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    out.print(table(reports))
    if write:
        append(reports, scale)
    sys.exit(0 if all(report.verdict in ("passed", "SKIPPED") for report in reports) else 1)


async def _played(ids: list[str], scale: Scale, seeds: range, keep: Path | None) -> list[Report]:
    reports = []
    with tempfile.TemporaryDirectory(prefix="leporello-faults-") as folder:
        async with House.built(keep or Path(folder)) as house:
            for id in ids:
                for seed in seeds:
                    reports.append(await perform(ROWS[id], house, scale, seed))
                    tell(reports[-1], out)
    return reports


if __name__ == "__main__":
    typer.run(main)
