"""What is shown of the reports, and kept of them in docs/faults.md."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench import machine
from tests.faults.row import Report
from tests.faults.scale import Scale

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "faults.md"
_HEADS: Final = ("row", "what", "seeds", "verdict", "s", "figures")


def tell(report: Report, out: Console) -> None:
    """One report, at once and whole."""
    out.print(f"{report.row.id} {report.row.title}, seed {report.seed}: {report.verdict}", style=_style(report))
    for name, value in report.figures.items():
        out.print(f"  {name}: {value}", markup=False)
    for each, times in Counter((*report.faults, *report.misses, *filter(None, [report.skipped]))).items():
        out.print(f"  ! {each}{f' ({times} times)' if times > 1 else ''}", markup=False)


def table(reports: Sequence[Report]) -> Table:
    shown = Table(*_HEADS[:-1])
    for line in _lines(reports):
        shown.add_row(*line[:-1])
    return shown


def append(reports: Sequence[Report], scale: Scale) -> None:
    """Adds a section to the page; what stands there stays."""
    size = f"{scale.subscribers} subscribers, {scale.books} books, {scale.rate:g} mutations a second"
    lines = [f"## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "", f"{machine.description()}. {size}.", ""]
    lines += [_line(_HEADS), _line(["---"] * len(_HEADS)), *map(_line, _lines(reports))]
    with PAGE.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines) + "\n")


def _lines(reports: Sequence[Report]) -> Iterable[list[str]]:
    """A line a row, with the figures of its last seed and all that was wrong."""
    for row, grouped in groupby(reports, key=lambda report: report.row):
        played = [*grouped]
        verdicts = [report.verdict for report in played]
        verdict = next((each for each in ("FAILED", "SKIPPED", "missed") if each in verdicts), "passed")
        wrong = verdicts.count(verdict)
        told = f"{verdict} {wrong} of {len(played)}" if verdict != "passed" and len(played) > 1 else verdict
        words = [f"{name} {value}" for name, value in played[-1].figures.items()]
        words += dict.fromkeys(each for report in played for each in (*report.faults, *report.misses, report.skipped))
        seeds = f"{played[0].seed}" if len(played) == 1 else f"{played[0].seed} to {played[-1].seed}"
        seconds = f"{sum(report.seconds for report in played) / len(played):.0f}"
        yield [row.id, row.title, seeds, told, seconds, "; ".join(filter(None, words))]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |"


def _style(report: Report) -> str:
    return {"passed": "green", "missed": "yellow", "SKIPPED": "magenta"}.get(report.verdict, "red")
