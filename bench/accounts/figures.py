"""Medians, percentiles, and whether two of them differ."""

from collections import Counter
from collections.abc import Sequence
from math import erfc, sqrt
from statistics import median, quantiles

__all__ = ["alike", "median", "percentile"]


def percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def alike(some: Sequence[float], others: Sequence[float]) -> float:
    """The two-sided p of Mann and Whitney's U, by the normal approximation with its corrections for ties and steps."""
    both = [*some, *others]
    ranks, below = {}, 0
    for value, times in sorted(Counter(both).items()):
        ranks[value] = below + (times + 1) / 2
        below += times
    size, product = len(both), len(some) * len(others)
    u = sum(ranks[value] for value in some) - len(some) * (len(some) + 1) / 2
    ties = sum(times**3 - times for times in Counter(both).values())
    spread = sqrt(product / 12 * (size + 1 - ties / (size * (size - 1))))
    return erfc(max(abs(u - product / 2) - 0.5, 0) / spread / sqrt(2)) if spread else 1.0
