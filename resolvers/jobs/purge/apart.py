"""Many things to do, of which one that cannot be done holds up no other."""

from collections.abc import Awaitable
from typing import Any

import structlog

_log = structlog.get_logger("purge")


class Apart:
    """What went wrong first is raised at the end, so that the job is tried again."""

    def __init__(self) -> None:
        self._first: Exception | None = None
        #: How many went wrong.
        self.left = 0

    async def do(self, thing: Awaitable[Any], **named: str) -> Any:
        """What came of it; None where it went wrong."""
        try:
            return await thing
        except Exception as error:
            _log.warning("left for the next time", error=type(error).__name__, **named)
            self._first = self._first or error
            self.left += 1
            return None

    def end(self) -> None:
        if self._first is not None:
            raise self._first
