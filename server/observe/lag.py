"""Notices when the event loop is held up, and by what."""

import asyncio
import sys
import threading
import time
import traceback
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import structlog

#: Seconds between two beats, seconds without one that are told, and frames of the stack told with them.
BEAT: Final = 0.1
BLOCKED: Final = 1.0
FRAMES: Final = 8

log = structlog.get_logger()


class Lag:
    """While it is entered a task beats on the loop and a thread listens.

    The task measures; the thread can tell even of a loop that never comes back, and where it is.
    """

    def __init__(self, blocked: float = BLOCKED) -> None:
        self._blocked = blocked
        self._worst = 0.0
        self._beat = time.monotonic()
        self._loop_thread = 0
        self._over = threading.Event()

    def worst(self) -> float:
        """The longest lag in seconds since this was last asked."""
        worst, self._worst = self._worst, 0.0
        return worst

    async def __aenter__(self) -> Self:
        self._loop_thread = threading.get_ident()
        self._beat = time.monotonic()
        self._task = asyncio.create_task(self._measure(), name="lag")
        self._thread = threading.Thread(target=self._listen, name="lag", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await asyncio.to_thread(self._thread.join, BEAT * 5)

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            now = time.monotonic()
            lag = now - self._beat - BEAT
            self._beat = now
            self._worst = max(self._worst, lag)
            if lag >= self._blocked:
                log.warning("loop_was_blocked", seconds=round(lag, 2))

    def _listen(self) -> None:
        told = 0.0
        while not self._over.wait(BEAT):
            beat = self._beat
            late = time.monotonic() - beat - BEAT
            if late >= self._blocked and told != beat:
                told = beat
                frame = sys._current_frames().get(self._loop_thread)
                at = "".join(traceback.format_stack(frame, FRAMES)) if frame else None
                log.warning("loop_is_blocked", seconds=round(late, 2), at=at)
