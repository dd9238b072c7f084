"""What the caller of a mutation or a subscription asked to see, handed down for it to be read with the change."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

#: Runs one statement with its arguments.
Fetch = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]


class Answer(Protocol):
    """The rows of an answer, as the caller asked for them; read once it is known which they are."""

    @property
    def asks(self) -> bool:
        """Whether any row is asked for."""

    @property
    def is_own(self) -> bool:
        """Whether only what is in the rows themselves is asked for, which who writes them knows."""

    def told(self, rows: Mapping[str, Sequence[Mapping[str, Any]]], after: int) -> tuple[str, list[Any]]:
        """SQL that shows rows as they are told here, by their kind, and its arguments.

        It is a part of a statement that has so many parameters already; what it finds, `take` takes.
        """

    @property
    def is_known(self) -> bool:
        """Whether it is found in the rows without any SQL; then `is_own` is true as well."""

    def know(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """The rows as they have been written, by their kind."""

    def take(self, found: Iterable[Sequence[Any]]) -> None:
        """What the SQL of `told` has found."""

    async def read(self, fetch: Fetch, rows: Mapping[str, Collection[UUID]]) -> None:
        """Reads what was asked for of these rows, by the two letters of their kind, in one statement."""

    async def tell(self, fetch: Fetch, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """What was asked for of rows that are told in JSON, in their order, in one statement."""
