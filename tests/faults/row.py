"""What a row is, and what comes of playing it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.faults.play import Play

Act = Callable[["Play"], Awaitable[None]]


class Skipped(Exception):
    """It cannot be played today; the message says what is missing."""


@dataclass(frozen=True)
class Row:
    id: str
    title: str
    #: Seconds after which it has failed.
    limit: float
    act: Act
    #: On which ways of each process a proxy stands: postgres, redis, front.
    ways: frozenset[str]


ROWS: Final[dict[str, Row]] = {}


def row(id: str, title: str, *, limit: float, ways: str = "") -> Callable[[Act], Act]:
    """Has the function play this row."""

    def register(act: Act) -> Act:
        assert id not in ROWS, f"{id} is there twice"
        ROWS[id] = Row(id, title, limit, act, frozenset(ways.split()))
        return act

    return register


@dataclass
class Report:
    """One row, played once with one seed."""

    row: Row
    seed: int
    seconds: float = 0.0
    #: What must never be: lost, repeated, out of order, or otherwise than the row demands.
    faults: list[str] = field(default_factory=list)
    #: Figures that were not reached.
    misses: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    skipped: str = ""

    @property
    def verdict(self) -> str:
        if self.skipped:
            return "SKIPPED"
        return "FAILED" if self.faults else "missed" if self.misses else "passed"
