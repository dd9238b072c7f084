"""A job as it is asked for, and how large it may be."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

#: Unless a job says otherwise; 0 comes first, 100 last.
PRIORITY: Final = 50
_LAST: Final = 100
#: Bytes of JSON in one job, characters of its name, its key, and the error that is kept of it.
PAYLOAD_LIMIT: Final = 64 * 1024
NAME_LIMIT: Final = 64
KEY_LIMIT: Final = 200
ERROR_LIMIT: Final = 2_000
#: Jobs that are put in one statement.
JOBS_LIMIT: Final = 10_000


class GaveUp(Exception):
    """No try after this one would do better; the message is kept with the job."""


class LeaseLost(Exception):
    """Somebody else has this job by now, or it has ended: nothing of this try may hold."""


@dataclass(frozen=True, slots=True)
class Job:
    """Work that somebody is owed. Raises ValueError when it is larger than a job may be."""

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    #: A lower number first.
    priority: int = PRIORITY
    #: Aware; as soon as the transaction has held unless said.
    not_before: datetime | None = None
    #: Of a name and a key one job at most waits, and one at most runs.
    key: str | None = None
    #: Asked for again while it waits: the later moment counts, and not the earlier.
    debounce: bool = False

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= NAME_LIMIT:
            raise ValueError(f"a job's name has 1 to {NAME_LIMIT} characters")
        if self.key is not None and (not 0 < len(self.key) <= KEY_LIMIT or "\0" in self.key):
            raise ValueError(f"a job's key has 1 to {KEY_LIMIT} characters, and no NUL")
        if not 0 <= self.priority <= _LAST:
            raise ValueError(f"a job's priority is between 0 and {_LAST}")
        if self.not_before is not None and self.not_before.tzinfo is None:
            raise ValueError("a moment has its offset")

    def written(self) -> str:
        """The payload in JSON. Raises ValueError when it is longer than PAYLOAD_LIMIT."""
        written = orjson.dumps(self.payload)
        if len(written) > PAYLOAD_LIMIT:
            raise ValueError(f"the payload of a job has at most {PAYLOAD_LIMIT:,} bytes: name what it is about")
        return written.decode()
