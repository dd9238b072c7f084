"""The file in a stack's folder that says where its parts are, for as long as they run."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from server.embedded.folder import Folder

_NAME: Final = "running"


@contextmanager
def published(folder: Folder, what: Mapping[str, str | int | None]) -> Iterator[None]:
    """Readable by this user alone, and gone when the block ends."""
    folder.remember(_NAME, dict(what))
    path = _path(folder.path)
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Held until we die, however we die: a reader tells by it what a crash has left.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def found(folder: Path) -> dict[str, str | int | None] | None:
    """What was published there by a program that still runs."""
    try:
        file = os.open(_path(folder), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    with open(file) as said:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return dict(json.load(said))
    return None


def _path(folder: Path) -> Path:
    return folder / f"{_NAME}.json"
