"""The order of what lies together, while a batch changes it."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Generic, TypeVar
from uuid import UUID

from models.order import KEY_LENGTH, between, spread

Id = TypeVar("Id", bound=str | UUID)


class Stack(Generic[Id]):
    """The elements of a page, back to front, or the pages of a book: their ids, and the keys that order them."""

    def __init__(self, places: Iterable[tuple[str, Id]]) -> None:
        self._places = sorted(places)
        self._keys = {id: key for key, id in self._places}

    def __iter__(self) -> Iterator[Id]:
        return (id for _, id in self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, id: Id) -> bool:
        return id in self._keys

    @property
    def first(self) -> Id:
        return self._places[0][1]

    def index(self, id: Id) -> int:
        return bisect_left(self._places, (self._keys[id], id))

    def take(self, id: Id) -> None:
        """Takes it out, if it is there."""
        if id in self._keys:
            del self._places[self.index(id)]
            del self._keys[id]

    def push(self, id: Id) -> str:
        """Puts a new one on top, and returns its key; adding at an end never runs out of short ones."""
        return self.put(id, len(self))[id]

    def put(self, id: Id, index: int) -> dict[Id, str]:
        """Puts it at this index among the others, and returns the keys that became new.

        Its own; none when it lies there already; and those of its neighbours too where the keys between them have
        run out: when they are equal, or the new one would be longer than KEY_LENGTH.
        """
        if id in self._keys and self.index(id) == index:
            return {}
        self.take(id)
        lower = self._places[index - 1][0] if index else None
        upper = self._places[index][0] if index < len(self) else None
        key = between(lower, upper) if lower is None or upper is None or lower < upper else None
        if key is None or len(key) > KEY_LENGTH:
            return self._respaced(id, index)
        insort(self._places, (key, id))
        self._keys[id] = key
        return {id: key}

    def _respaced(self, id: Id, index: int) -> dict[Id, str]:
        """Gives new keys to as few around the index as get short ones, twice as many at each try, at last to all."""
        self._places.insert(index, ("", id))
        for reach in (2**power for power in count(2)):
            start, end = max(index - reach, 0), min(index + reach, len(self))
            lower = self._places[start - 1][0] if start else None
            upper = self._places[end][0] if end < len(self) else None
            if lower is not None and upper is not None and lower >= upper:
                continue
            keys = spread(lower, upper, end - start)
            if len(keys) == len(self) or max(map(len, keys)) <= KEY_LENGTH // 2:
                break
        given = {id: key for key, (_, id) in zip(keys, self._places[start:end], strict=True)}
        self._places[start:end] = [(key, id) for id, key in given.items()]
        self._keys.update(given)
        return given
