"""A kind of job: what it is given, who does it, and how often it is tried."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter

from resolvers.jobs.run import Run
from storage.jobs import PRIORITY, Job

P = TypeVar("P")

#: Seconds that a try has unless its kind says otherwise, and how many of them there are.
TIMEOUT: Final = 60.0
TRIES: Final = 5
#: By how much of itself a backoff may be shorter, so that what failed together does not come back together.
_JITTER: Final = 0.3


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the next try: `first`, then `factor` times as long, and `most` at the end."""

    first: float = 5.0
    factor: float = 3.0
    most: float = 900.0

    def after(self, tries: int) -> float:
        """Before the next try, once so many have failed."""
        # Beyond some power a float would overflow.
        whole = min(self.most, self.first * self.factor ** min(tries - 1, 64))
        return whole * random.uniform(1 - _JITTER, 1)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Nothing:
    """What a job is given that needs nothing."""


@dataclass(frozen=True)
class Kind(Generic[P]):
    """`payload` is a plain dataclass of what JSON can hold; `cron` has five fields, in UTC, and needs no payload.

    `dead` names the kind of a job that gets the same payload when one of this kind has died. All that take long leave
    one place of every worker to the others, together.
    """

    name: str
    payload: type[P]
    do: Callable[[Run, P], Awaitable[None]]
    _: KW_ONLY
    timeout: float = TIMEOUT
    tries: int = TRIES
    backoff: Backoff = field(default_factory=Backoff)
    priority: int = PRIORITY
    dead: str | None = None
    cron: str | None = None
    takes_long: bool = False
    _adapter: TypeAdapter[P] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_adapter", TypeAdapter(self.payload))

    def job(
        self,
        payload: P,
        *,
        key: str | None = None,
        not_before: datetime | None = None,
        debounce: bool = False,
        priority: int | None = None,
    ) -> Job:
        """One of this kind, to be owed."""
        return Job(
            self.name,
            self._adapter.dump_python(payload, mode="json"),
            priority=self.priority if priority is None else priority,
            not_before=not_before,
            key=key,
            debounce=debounce,
        )

    def read(self, payload: str) -> P:
        """What a job's JSON says. Raises ValueError where it does not say what this kind needs."""
        return self._adapter.validate_json(payload)
