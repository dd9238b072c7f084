"""What is shown and kept of the samples: medians, and ratios taken within a round."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.measure import PGBENCH, Sample
from bench.servers import TITLES, WRITES, Leporello, Operation

#: Operations that are compared with each other, and what a server's name gains in the table.
_TABLES: Final[tuple[tuple[tuple[Operation, str], ...], ...]] = (
    ((Operation.BOOK, ""), (Operation.BOOK_WITH_URLS, ", with URLs")),
    ((Operation.BOOKS, ""),),
    ((Operation.MOVE, ""), (Operation.MOVE_IN_ONE, ", one book"), (Operation.NUDGE, ", bare")),
)
#: Of the two cores: what other programs may take without a word in the report.
_FOREIGN: Final = 0.05
_HEADS: Final = ("server", "req/s", "p50 ms", "p99 ms", "CPU us", "x ours", "x best", "database us", "MB")


INVALID: Final = "INVALID"


@dataclass(frozen=True)
class Answer:
    """One table: its title, heads and rows, and what else there is to say."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    @property
    def is_valid(self) -> bool:
        return not any(INVALID in cell for row in self.rows for cell in row)

    def show(self, console: Console) -> None:
        table = Table(title=self.title, title_justify="left")
        for number, head in enumerate(self.heads):
            table.add_column(head, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row, style="red" if INVALID in row[-1] else None)
        console.print(table, *self.notes, sep="\n")

    def markdown(self) -> str:
        lines = [f"**{self.title}**", "", _line(self.heads), _line(["---", *["--:"] * (len(self.heads) - 1)])]
        notes = [f"{note}\n" for note in self.notes]
        return "\n".join([*lines, *map(_line, self.rows), "", *notes])


def answers(samples: Sequence[Sample], note: str) -> Iterable[Answer]:
    """A table for each question that was measured; `note` says what could not be."""
    for operations in _TABLES:
        suffixes = dict(operations)
        here = [sample for sample in samples if sample.operation in suffixes]
        if here:
            yield _answer(TITLES[operations[0][0]], here, suffixes, note if _is_read(here) else "")


def _answer(title: str, samples: list[Sample], suffixes: dict[Operation, str], note: str) -> Answer:
    names = dict.fromkeys(sample.server + suffixes[sample.operation] for sample in samples)
    of = {name: [one for one in samples if one.server + suffixes[one.operation] == name] for name in names}
    best: dict[int, float] = {}
    for sample in samples:
        if sample.cpu and not sample.fault:
            best[sample.round] = min(sample.cpu, best.get(sample.round, sample.cpu))
    ours = {one.round: one for one in of.get(Leporello.name, []) if not one.fault}
    rows = [_row(name, found, {number: one.cpu for number, one in ours.items()}, best) for name, found in of.items()]
    reached = [ours[one.round].rate / one.rate for one in of.get(PGBENCH, []) if one.round in ours]
    faults = dict.fromkeys(
        f"{INVALID}: {name}: {one.fault}" for name, found in of.items() for one in found if one.fault
    )
    notes = [f"Leporello reaches {median(reached):.0%} of what pgbench does."] if reached else [note] if note else []
    foreign = [one.foreign for one in samples if one.foreign >= _FOREIGN]
    if foreign:
        notes.append(
            f"In {len(foreign)} of {len(samples)} runs other programs took {min(foreign):.0%} to {max(foreign):.0%} of "
            "the two cores: all figures suffer from that, ratios within a round least."
        )
    return Answer(title, _HEADS, rows, [*notes, *faults])


def _row(name: str, samples: list[Sample], ours: dict[int, float], best: dict[int, float]) -> list[str]:
    faults = [sample.fault for sample in samples if sample.fault]
    if faults:
        return [name, *[""] * (len(_HEADS) - 2), INVALID]
    rate = f"{median(sample.rate for sample in samples):,.0f}"

    def middle(value: Callable[[Sample], float], form: str) -> str:
        return format(median(map(value, samples)), form)

    def ratio(to: dict[int, float]) -> str:
        ratios = [one.cpu / to[one.round] for one in samples if to.get(one.round)]
        return f"{median(ratios):.2f}" if ratios else ""

    if name == PGBENCH:
        return [name, rate, *[""] * (len(_HEADS) - 4), middle(lambda one: one.database_cpu, ",.0f"), ""]
    return [
        name,
        rate,
        middle(lambda one: one.p50 * 1e3, ".1f"),
        middle(lambda one: one.p99 * 1e3, ".1f"),
        middle(lambda one: one.cpu, ",.0f"),
        ratio(ours),
        ratio(best),
        middle(lambda one: one.database_cpu, ",.0f"),
        middle(lambda one: one.resident / 2**20, ",.0f"),
    ]


def _is_read(samples: Sequence[Sample]) -> bool:
    return not any(sample.operation in WRITES for sample in samples)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
