"""What is in the bucket of each photo."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from models.object import PREFIX, Part
from storage.objects import Found, Objects

_PARTS: Final = {part.value: part for part in Part}


class OutOfOrder(Exception):
    """The bucket does not list its keys by name, so that it cannot be compared page by page."""


@dataclass(slots=True)
class Files:
    """All that is there under one id; `modified_at` is that of the youngest."""

    id: UUID
    modified_at: datetime
    keys: list[str] = field(default_factory=list)
    sizes: dict[Part, int] = field(default_factory=dict)

    def add(self, found: Found, name: str) -> None:
        self.keys.append(found.key)
        self.modified_at = max(self.modified_at, found.modified_at)
        # Those of a newer program are there as well, and only that one knows what they are.
        if name in _PARTS:
            self.sizes[_PARTS[name]] = found.size


class Listing:
    """The files of all photos, by id; `strange` counts those whose names are none of ours, and are not given."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.strange = 0

    async def __aiter__(self) -> AsyncIterator[Files]:
        """Raises OutOfOrder, Unavailable."""
        files: Files | None = None
        async for found in self._objects.list(PREFIX):
            written, _, name = found.key.removeprefix(PREFIX).partition("/")
            id = id_of(written)
            if id is None or not name:
                self.strange += 1
                continue
            if files is None or id != files.id:
                if files is not None:
                    if id < files.id:
                        raise OutOfOrder(f"{found.key} is listed after {files.keys[-1]}")
                    yield files
                files = Files(id, found.modified_at)
            files.add(found, name)
        if files is not None:
            yield files


def id_of(written: str) -> UUID | None:
    """The id that is written so, and not otherwise: UUID itself takes it in capitals and in braces, too."""
    try:
        id = UUID(written)
    except ValueError:
        return None
    return id if str(id) == written else None
