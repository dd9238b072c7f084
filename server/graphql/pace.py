"""How many messages a second a client may send: a token bucket."""

from time import monotonic


class Pace:
    """Lets `at_once` through, and `per_second` from then on."""

    __slots__ = ("_at_once", "_level", "_per_second", "_then")

    def __init__(self, per_second: float, at_once: float) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._level = at_once
        self._then = monotonic()

    def allows(self) -> bool:
        """Whether one more is within the pace; counts it if so."""
        now = monotonic()
        self._level = min(self._at_once, self._level + (now - self._then) * self._per_second)
        self._then = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
