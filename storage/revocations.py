"""Which sessions were ended while their access tokens still live."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import ARRAY, Uuid, cast, func, select
from sqlmodel import col

from models import Session
from models.refusal import Unavailable
from models.session import ACCESS_LIFETIME
from storage.broadcast import GAP, Announcements, Heard
from storage.channels import REVOCATIONS
from storage.database import Database

#: Seconds between looks into Postgres, whatever was heard.
_LOOK: Final = 10.0
#: Seconds for which we believe what we knew when Postgres cannot be asked; then nobody is let in.
_TRUST: Final = 30.0
#: How far before the last one a look begins: a revocation is seen late by as long as its transaction took.
_OVERLAP: Final = timedelta(minutes=1)
_KEPT: Final = ACCESS_LIFETIME + timedelta(minutes=1)
#: How many of the sessions that came in since the last look are looked up again.
_MET_LIMIT: Final = 10_000

_log = structlog.get_logger("revocations")


class Revocations:
    """Known at once to the process that took one, to the others as soon as they hear of it or look.

    `ended` is called for each session that is found to have ended, to close what it has open; `open` says which have
    something open.
    """

    def __init__(self, database: Database, announcements: Announcements) -> None:
        self._database = database
        self._announcements = announcements
        self._revoked: dict[UUID, float] = {}
        self._met: set[UUID] = set()
        self._looked = 0.0
        #: The same moment by Postgres's clock, which revocations are dated with.
        self._looked_at: datetime | None = None
        self._failing = False
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.ended: Callable[[UUID], Coroutine[Any, Any, None]] | None = None
        self.open: Callable[[], Iterable[UUID]] = frozenset

    async def start(self) -> None:
        """Raises what Postgres raises, when it cannot be asked at all."""
        await self._look()
        self._task = asyncio.create_task(self._follow(), name="revocations")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.gather(*self._closing, return_exceptions=True)

    def covers(self, session_id: UUID) -> bool:
        """Whether the session has ended. Raises Unavailable when that is not known any more."""
        if time.monotonic() - self._looked > _TRUST:
            raise Unavailable
        if session_id in self._revoked:
            return True
        if len(self._met) < _MET_LIMIT:
            self._met.add(session_id)
        return False

    def add(self, session_ids: list[UUID]) -> None:
        """To be called once the revocation is committed."""
        self._announcements.tell(REVOCATIONS, ",".join(map(str, session_ids)))
        self._learn(session_ids)

    async def _follow(self) -> None:
        async with self._announcements.listen(REVOCATIONS) as heard:
            while True:
                message: Heard | None = GAP
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        message = await anext(heard, None)
                if message is None:
                    return
                try:
                    await self._hear(message)
                except Exception:
                    # Said once an outage, not at every look.
                    if not self._failing:
                        _log.exception("revocations cannot be learned")
                    self._failing = True
                else:
                    self._failing = False

    async def _hear(self, message: Heard) -> None:
        """A message names them; without one, and every now and then, Postgres is asked."""
        if message is not GAP:
            self._learn([UUID(id) for id in message.split(",")])
        if message is GAP or time.monotonic() - self._looked > _LOOK:
            await self._look()

    async def _look(self) -> None:
        """Learns what was revoked since the last look, however long ago that was, and what is there no more."""
        looked, met = time.monotonic(), {*self._met, *self.open()}
        async with self._database.session() as session:
            looked_at = (await session.execute(select(func.now()))).scalar_one()
            since = self._looked_at - _OVERLAP if self._looked_at else looked_at - _KEPT
            revoked = await session.scalars(select(col(Session.id)).where(col(Session.revoked_at) > since))
            # With its user, or because an older backup was restored.
            there = await session.scalars(
                select(col(Session.id)).where(col(Session.id) == func.any(cast([*met], ARRAY(Uuid))))
            )
            self._learn([*revoked, *met.difference(there)])
        self._met -= met
        self._looked, self._looked_at = looked, looked_at

    def _learn(self, session_ids: Iterable[UUID]) -> None:
        now = time.monotonic()
        new = [id for id in session_ids if id not in self._revoked]
        self._revoked.update(dict.fromkeys(new, now))
        # In the order in which they came: the oldest first.
        for id, since in list(self._revoked.items()):
            if now - since < _KEPT.total_seconds():
                break
            del self._revoked[id]
        for id in new if self.ended else ():
            self._close(id)

    def _close(self, id: UUID) -> None:
        """In a task of its own: a peer that does not take its end holds up nobody who is told of theirs."""
        assert self.ended
        closing = asyncio.create_task(self.ended(id))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
