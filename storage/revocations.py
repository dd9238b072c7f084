"""Which sessions were ended while their access tokens still live."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import func, select
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
#: How far back a look goes: a revocation is seen late by as long as its transaction took.
_OVERLAP: Final = timedelta(minutes=1)
_KEPT: Final = ACCESS_LIFETIME + timedelta(minutes=1)

_log = structlog.get_logger("revocations")


class Revocations:
    """Known at once to the process that took one, to the others as soon as they hear of it or look.

    `ended` is called for each session that is found revoked, to close what it has open.
    """

    def __init__(self, database: Database, announcements: Announcements) -> None:
        self._database = database
        self._announcements = announcements
        self._revoked: dict[UUID, float] = {}
        self._looked = 0.0
        self._task: asyncio.Task[None] | None = None
        self.ended: Callable[[UUID], Awaitable[None]] | None = None

    async def start(self) -> None:
        """Raises what Postgres raises, when it cannot be asked at all."""
        await self._look(_KEPT)
        self._task = asyncio.create_task(self._follow(), name="revocations")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def covers(self, session_id: UUID) -> bool:
        """Whether the session was revoked. Raises Unavailable when that is not known any more."""
        if time.monotonic() - self._looked > _TRUST:
            raise Unavailable
        return session_id in self._revoked

    async def add(self, session_ids: list[UUID]) -> None:
        """To be called once the revocation is committed."""
        await self._learn(session_ids)
        self._announcements.tell(REVOCATIONS, ",".join(map(str, session_ids)))

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
                    _log.exception("revocations cannot be learned")

    async def _hear(self, message: Heard) -> None:
        """A message names them; without one, and every now and then, Postgres is asked."""
        if message is not GAP:
            await self._learn([UUID(id) for id in message.split(",")])
        if message is GAP or time.monotonic() - self._looked > _LOOK:
            await self._look(_OVERLAP)

    async def _look(self, back: timedelta) -> None:
        async with self._database.session() as session:
            found = await session.scalars(select(col(Session.id)).where(col(Session.revoked_at) > func.now() - back))
            await self._learn(list(found))
        self._looked = time.monotonic()

    async def _learn(self, session_ids: list[UUID]) -> None:
        now = time.monotonic()
        new = [id for id in session_ids if id not in self._revoked]
        self._revoked.update(dict.fromkeys(new, now))
        # In the order in which they came: the oldest first.
        for id, since in list(self._revoked.items()):
            if now - since < _KEPT.total_seconds():
                break
            del self._revoked[id]
        if self.ended:
            for id in new:
                await self.ended(id)
