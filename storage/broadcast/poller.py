"""Asking the journal for what Redis has not told."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import TypeAlias

import structlog

from storage.broadcast.subscription import Heard

log = structlog.get_logger()

#: Seconds between two polls while Redis is away, and while it is there (for messages that were never sent).
POLL_AWAY = 0.1
POLL_IDLE = 5.0
POLL_TIMEOUT = 5.0

Poll: TypeAlias = Callable[[Collection[str]], Awaitable[Mapping[str, Heard]]]
"""Given the channels that are listened to, what to tell on those that have news."""


class Poller:
    def __init__(
        self,
        poll: Poll,
        *,
        away: Callable[[], bool],
        channels: Callable[[], Collection[str]],
        tell: Callable[[str, Heard], None],
    ) -> None:
        self._poll = poll
        self._away = away
        self._channels = channels
        self._tell = tell
        self._hurry = asyncio.Event()
        self._failing = False

    def hurry(self) -> None:
        """Redis has just gone or come: poll now."""
        self._hurry.set()

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_AWAY if self._away() else POLL_IDLE):
                    await self._hurry.wait()
            self._hurry.clear()
            if channels := self._channels():
                await self._ask(channels)

    async def _ask(self, channels: Collection[str]) -> None:
        try:
            async with asyncio.timeout(POLL_TIMEOUT):
                news = await self._poll(channels)
        except Exception:
            # Said once an outage, not ten times a second.
            if not self._failing:
                log.exception("The journal cannot be polled; trying on.")
            self._failing = True
            return
        if self._failing:
            log.info("The journal can be polled again.")
        self._failing = False
        for channel, heard in news.items():
            self._tell(channel, heard)
