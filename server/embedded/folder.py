"""The folder of a stack: its lock, its secrets, and what it remembers of its servers."""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any

from server.embedded.refusals import StackInUse

KEY_BYTES = 24
"""192 bits in each secret."""


class Folder:
    """Owned by one program at a time, and readable by its user alone."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def acquire(self) -> None:
        """Raises StackInUse. The kernel lets go of the lock when its holder dies, however it dies."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise StackInUse(self.path) from None
        self._lock = lock

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def secret(self, name: str) -> str:
        """The same at every start; letters and digits alone, so that it fits into any address unquoted."""
        known = self.recall("secrets")
        if name not in known:
            known[name] = secrets.token_hex(KEY_BYTES)
            self.remember("secrets", known)
        return str(known[name])

    def recall(self, name: str) -> dict[str, Any]:
        """What was last remembered under this name; empty at first."""
        try:
            return dict(json.loads((self.path / f"{name}.json").read_text()))
        except FileNotFoundError:
            return {}

    def remember(self, name: str, what: dict[str, Any]) -> None:
        """Whole or not at all, also when the power fails: without its secrets a stack cannot be opened."""
        self.write(f"{name}.json", json.dumps(what))

    def write(self, name: str, text: str) -> Path:
        """A file that this user alone can read."""
        path, fresh = self.path / name, self.path / f"{name}.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return path
