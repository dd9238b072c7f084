"""What is kept of late, within one bound for all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Any, Final, Generic, TypeVar

#: Bytes that one of them keeps, and all of a process together.
EACH: Final = 1024 * 1024
ALL: Final = 64 * 1024 * 1024

Value = TypeVar("Value")


class Budget:
    """What all together may keep. When it is more, those that were added to longest ago lose all of theirs."""

    def __init__(self, most: int = ALL) -> None:
        self._most = most
        #: Those that were added to longest ago first.
        self._all: OrderedDict[Kept[Any], None] = OrderedDict()
        self.size = 0

    def add(self, kept: Kept[Any], size: int) -> None:
        self._all[kept] = None
        self._all.move_to_end(kept)
        self.size += size
        while self.size > self._most and next(iter(self._all)) is not kept:
            next(iter(self._all)).clear()

    def forget(self, kept: Kept[Any]) -> None:
        """It keeps nothing any more."""
        self._all.pop(kept, None)


class Kept(Generic[Value]):
    """Values by their keys, the oldest first; one that is asked for need not be there any more."""

    def __init__(self, budget: Budget, most: int = EACH) -> None:
        self._budget = budget
        self._most = most
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable) -> Value | None:
        found = self._values.get(key)
        return None if found is None else found[0]

    def leading(self, keys: Iterable[Hashable]) -> list[Value]:
        """Of these, up to the first that is not there."""
        found = []
        for key in keys:
            if (value := self.get(key)) is None:
                break
            found.append(value)
        return found

    def add(self, key: Hashable, value: Value, size: int) -> None:
        """`size` is in bytes."""
        if key in self._values:
            return
        self._values[key] = value, size
        self._size += size
        self._budget.add(self, size)
        while self._size > self._most:
            _, (_, freed) = self._values.popitem(last=False)
            self._size -= freed
            self._budget.size -= freed

    def clear(self) -> None:
        self._values.clear()
        self._budget.size -= self._size
        self._size = 0
        self._budget.forget(self)
