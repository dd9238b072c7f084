"""Keyset pagination: a cursor is where a row stands in the order, not how many came before it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import orjson
from sqlalchemy import Select, func, select, tuple_

from models.refusal import BadUserInput
from resolvers.context import Context

DEFAULT: Final = 20
MOST: Final = 100
_CURSOR_LENGTH: Final = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Some rows of a longer list, each with its cursor; `total` is asked for only where it is shown."""

    rows: list[T]
    cursors: list[str]
    has_next: bool
    has_previous: bool
    total: Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order that is total: its columns, each newest or largest first, and how a cursor's parts are read."""

    columns: tuple[Any, ...]
    parse: tuple[Callable[[str], Any], ...]

    def cursor(self, row: Any) -> str:
        values = [getattr(row, column.key) for column in self.columns]
        shown = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
        return urlsafe_b64encode(orjson.dumps(shown)).decode()

    def read(self, cursor: str) -> tuple[Any, ...]:
        """Raises BadUserInput for what was not made here."""
        try:
            parts = orjson.loads(urlsafe_b64decode(cursor[:_CURSOR_LENGTH]))
            values = [parse(part) for parse, part in zip(self.parse, parts, strict=True)]
            # A moment that UTC has no date for overflows here rather than in Postgres.
            return tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in values)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise BadUserInput("That is no cursor of this list.") from error


async def slice_of(
    context: Context, rows: Select[*tuple[Any, ...]], keyset: Keyset, *, first: int | None, after: str | None
) -> Slice[Any]:
    """The rows after a cursor. Raises BadUserInput for a `first` beyond 1..100 or a foreign cursor."""
    first = DEFAULT if first is None else first
    if not 1 <= first <= MOST:
        raise BadUserInput(f"`first` is a number from 1 to {MOST}.")
    page = rows.order_by(*(column.desc() for column in keyset.columns)).limit(first + 1)
    if after is not None:
        page = page.where(tuple_(*keyset.columns) < keyset.read(after))
    async with context.reading() as session:
        found = list(await session.scalars(page))

    async def total() -> int:
        count = select(func.count()).select_from(rows.order_by(None).subquery())
        async with context.reading() as session:
            return int(await session.scalar(count) or 0)

    shown = found[:first]
    return Slice(
        shown,
        [keyset.cursor(row) for row in shown],
        len(found) > first,
        after is not None and bool(shown),
        total,
    )
