"""What a subscription makes of who is there: the same for all who ask alike."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from storage.presence import State

if TYPE_CHECKING:
    from resolvers.context import Context

#: What is shown of a person: JSON for each place where they are asked for, by the response keys that lead to it.
Portrait = Mapping[tuple[str, ...], bytes]
#: How somebody stands in a snapshot: JSON for each time that all who are present are asked for.
Stand = tuple[bytes, ...]


class Unshared(Exception):
    """Only the ordinary way can tell it, to each by themselves."""


class Projection(Protocol):
    """One selection, with the values of its variables. Answers are whole: `{"data":...}`."""

    @property
    def key(self) -> Hashable:
        """Equal where answers are."""

    async def portraits(self, context: Context, book_id: UUID, user_ids: Collection[UUID]) -> Mapping[UUID, Portrait]:
        """Of those who belong to the book; of no others. Raises Unshared."""

    def updated(self, state: State, portrait: Portrait) -> bytes: ...

    def left(self, id: UUID) -> bytes: ...

    def stand(self, state: State, portrait: Portrait) -> Stand: ...

    def snapshot(self, self_id: UUID, present: Sequence[Stand]) -> bytes: ...
