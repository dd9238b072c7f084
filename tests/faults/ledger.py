"""The three ledgers: what was acknowledged, what was committed, what each subscriber has seen."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Sent:
    """One mutation, however often it was sent; times are of the monotonic clock."""

    book: str
    batch: str
    sent_at: float
    attempts: int = 0
    answered_at: float | None = None
    #: Of its answer: the seq that it got, or the code of its refusal.
    seq: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """One row of the journal."""

    seq: int
    batch: str | None = None


@dataclass(slots=True)
class Stretch:
    """What a subscriber saw from one snapshot on; another begins with each snapshot."""

    after: int
    epoch: str
    seen: list[int] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.seen[-1] if self.seen else self.after


@dataclass(slots=True)
class Sight:
    """One subscriber's whole account."""

    name: str
    book: str
    stretches: list[Stretch] = field(default_factory=list)
    #: Folded from the last snapshot and what was seen after it.
    state: dict[str, Any] = field(default_factory=dict)
    resyncs: int = 0
    #: Whether the row itself provokes them; otherwise a Resync is a loss.
    may_resync: bool = False
    #: Whether it was to follow to the end; what it saw is checked in any case.
    follows: bool = True


@dataclass(slots=True)
class Ledger:
    """By book, but for the mutations, which are by batch."""

    sent: dict[str, Sent] = field(default_factory=dict)
    committed: dict[str, list[Committed]] = field(default_factory=dict)
    #: Each book's seq and epoch as its own row has them, and its state as a query gives it.
    heads: dict[str, int] = field(default_factory=dict)
    epochs: dict[str, str] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)
    #: The lowest seq that the journal still has to hold, by book; 1 where nothing was pruned.
    kept_from: dict[str, int] = field(default_factory=dict)
