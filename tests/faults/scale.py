"""How large a row is."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Scale:
    """How large a row is; the short one, for `make test`, has shorter outages as well."""

    subscribers: int = 50
    books: int = 5
    rate: float = 100.0
    writers: int = 4
    processes: int = 2
    short: bool = False

    def lasts(self, seconds: float) -> float:
        return min(seconds, 1.5) if self.short else seconds

    def times(self, count: int) -> int:
        return min(count, 2) if self.short else count


SHORT: Final = Scale(subscribers=10, books=2, rate=40.0, writers=2, short=True)
