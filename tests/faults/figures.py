"""Figures of a row: samples, and what is shown of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


def percentile(samples: Sequence[float], share: float) -> float:
    """By nearest rank; NaN of none, which is within no limit."""
    if not samples:
        return math.nan
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def shown(samples: Iterable[float]) -> str:
    """p50, p95 and p99 of seconds, in milliseconds."""
    all_ = list(samples)
    return "/".join(f"{percentile(all_, share) * 1e3:.0f}" for share in (0.5, 0.95, 0.99)) + " ms"


@dataclass(slots=True)
class Delays:
    """Seconds, by the moment at which each began."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    def add(self, began: float, ended: float) -> None:
        self.samples.append((began, ended - began))

    def within(self, since: float = -math.inf, until: float = math.inf) -> list[float]:
        return [delay for began, delay in self.samples if since <= began <= until]

    def normal_after(self, moment: float, normal: float) -> float:
        """Seconds from then until the last that began later, and took longer than is normal, had ended."""
        late = [began + delay for began, delay in self.samples if began >= moment and delay > normal]
        return max(late, default=moment) - moment
