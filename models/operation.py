"""What may be done to a canvas in one batch."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import orjson

from models.element import ElementKind
from models.refusal import Invalid

BATCH: Final = (1, 500)
BATCH_ID_LENGTH: Final = 100
#: How many points one batch may have in all its drawings.
BATCH_POINTS: Final = 12_000
#: Names of fields whose other spelling is remembered.
NAMES: Final = 256


def checked_batch_id(batch_id: str, *path: str) -> str:
    """Raises Invalid for one that is empty or too long."""
    if not 1 <= len(batch_id) <= BATCH_ID_LENGTH:
        raise Invalid(f"A batchId has 1 to {BATCH_ID_LENGTH} characters.", *path)
    return batch_id


class OperationStatus(StrEnum):
    APPLIED = "APPLIED"
    NOOP = "NOOP"
    GONE = "GONE"


class StackPosition(StrEnum):
    FRONT = "FRONT"
    BACK = "BACK"
    FORWARD = "FORWARD"
    BACKWARD = "BACKWARD"


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of the contract's `Operation`, and the fields that were sent with it: an absent one is not there."""

    place: int
    verb: str
    given: Mapping[str, Any]

    def path(self, *fields: str) -> tuple[str, ...]:
        """Where in the input a field of it stands."""
        return ("input", "operations", str(self.place), self.verb, *map(camel, fields))


#: The verbs that create, and what they create.
CREATES: Final = {
    "createImage": ElementKind.IMAGE,
    "createText": ElementKind.TEXT,
    "createRectangle": ElementKind.RECTANGLE,
    "createCircle": ElementKind.CIRCLE,
    "createDrawing": ElementKind.DRAWING,
}


def digest(operations: list[Operation]) -> bytes:
    """SHA-256 of what is asked for; equal for equal batches, whatever the order of their fields."""
    told = [[operation.verb, operation.given] for operation in operations]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()


@lru_cache(maxsize=NAMES)
def camel(name: str) -> str:
    """A field's name as the contract writes it."""
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)
