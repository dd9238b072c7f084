"""Keyset pagination: a cursor is where a row stands in the order, not how many came before it."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from models.refusal import BadUserInput

DEFAULT: Final = 20
MOST: Final = 100
_CURSOR_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order that is total: its columns, each newest or largest first, and how a cursor's parts are read.

    A cursor is a JSON array of the columns' values, in base64 for addresses.
    """

    columns: tuple[Any, ...]
    parse: tuple[Callable[[str], Any], ...]

    def read(self, cursor: str) -> tuple[Any, ...]:
        """Raises BadUserInput for what was not made here."""
        try:
            parts = orjson.loads(urlsafe_b64decode(cursor[:_CURSOR_LENGTH]))
            values = [parse(part) for parse, part in zip(self.parse, parts, strict=True)]
            # A moment that UTC has no date for overflows here rather than in Postgres.
            return tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in values)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise BadUserInput("That is no cursor of this list.") from error


def checked_first(first: int | None) -> int:
    """How many rows; DEFAULT unless said. Raises BadUserInput beyond 1..MOST."""
    first = DEFAULT if first is None else first
    if not 1 <= first <= MOST:
        raise BadUserInput(f"`first` is a number from 1 to {MOST}.")
    return first
