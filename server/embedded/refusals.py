"""What the embedded stack says, in one line, when it cannot run."""

from pathlib import Path


class StackInUse(Exception):
    """Another program runs a stack on this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Another program is using {folder}. Stop it first, or choose another folder: `--data`.")


class StackFailed(Exception):
    """A part of the stack could not be started."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"The embedded {part} did not start: {reason}")
        self.part = part
        self.reason = reason
