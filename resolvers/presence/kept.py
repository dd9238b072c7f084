"""What states were put into, for as long as they are the newest."""

from typing import Final, Generic, TypeVar
from uuid import UUID

from storage.presence import State

#: Bytes that one of them keeps; with more it begins anew.
LIMIT: Final = 1024 * 1024

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """At most one for each presence."""

    def __init__(self) -> None:
        self._by_id: dict[UUID, tuple[State, Value, int]] = {}
        self._size = 0

    def get(self, state: State) -> Value | None:
        found = self._by_id.get(state.id)
        return found[1] if found and found[0] is state else None

    def put(self, state: State, value: Value, size: int) -> None:
        """`size` is in bytes."""
        self.drop(state.id)
        if self._size + size > LIMIT:
            self.clear()
        self._by_id[state.id] = state, value, size
        self._size += size

    def drop(self, id: UUID) -> None:
        if found := self._by_id.pop(id, None):
            self._size -= found[2]

    def clear(self) -> None:
        self._by_id.clear()
        self._size = 0
