"""Security events, logged and counted once the work that noted them has held."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import SecurityEvent, SecurityEventKind

#: Under which a session remembers what was noted with it.
_NOTED: Final = "noted"

log = structlog.get_logger("security")


class Noted:
    """How often each thing has happened, as this process has seen."""

    def __init__(self) -> None:
        # All of them from the start: of what appears with its first count, no rate can be told.
        self._counts: Counter[str] = Counter({str(kind): 0 for kind in SecurityEventKind})

    @property
    def counts(self) -> Mapping[str, int]:
        return self._counts

    def tell(self, session: AsyncSession) -> None:
        """Called once the session's transaction has held."""
        for event, is_written in session.info.get(_NOTED, ()):
            # What a savepoint has undone is no row of the session any more.
            if is_written or event in session:
                self._counts[event.kind] += 1
                # No address and no details: whoever may know more looks the event up.
                log.info("security_event", kind=str(event.kind), user=str(event.user_id), id=str(event.id))


def remember(session: AsyncSession, event: SecurityEvent, *, is_written: bool = False) -> None:
    """`is_written` is for one that is no row of the session, and that no savepoint can undo."""
    session.info.setdefault(_NOTED, []).append((event, is_written))
