"""All kinds of jobs, by their names."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from resolvers.jobs.kind import Kind
from storage.jobs import Due, Job, last_slot


class Registry:
    """Raises ValueError for two of one name, a `dead` that names none, and a schedule that cannot be read."""

    def __init__(self, kinds: Iterable[Kind[Any]]) -> None:
        self._kinds: dict[str, Kind[Any]] = {}
        for kind in kinds:
            if kind.name in self._kinds:
                raise ValueError(f"{kind.name} is there twice")
            self._kinds[kind.name] = kind
        for kind in self:
            if kind.dead is not None and kind.dead not in self._kinds:
                raise ValueError(f"{kind.name} leaves its payload to {kind.dead}, which is no kind of job")
            if kind.cron is not None:
                last_slot(kind.cron, datetime.now(UTC))

    def __iter__(self) -> Iterator[Kind[Any]]:
        return iter(self._kinds.values())

    def __getitem__(self, name: str) -> Kind[Any]:
        return self._kinds[name]

    def get(self, name: str) -> Kind[Any] | None:
        return self._kinds.get(name)

    @property
    def names(self) -> list[str]:
        return list(self._kinds)

    @property
    def due(self) -> list[Due]:
        """Those that come by the clock."""
        return [
            Due(kind.name, kind.cron, _default(kind).written(), kind.priority) for kind in self if kind.cron is not None
        ]

    def then(self, kind: Kind[Any]) -> tuple[str, int] | None:
        """The name and priority of what a dead one leaves its payload to."""
        return (kind.dead, self[kind.dead].priority) if kind.dead is not None else None


def _default(kind: Kind[Any]) -> Job:
    return kind.job(kind.payload())
