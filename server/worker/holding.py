"""What a worker holds: jobs that are being done, and are its own for as long as it is heard of."""

import asyncio
import time
from collections.abc import Callable

import structlog

from server.worker.attempt import ENDING, Attempt
from storage.jobs import Queue

_log = structlog.get_logger("jobs")


class Holding:
    """Three times in a lease the worker is heard of; `ended` is called whenever there is room again."""

    def __init__(self, queue: Queue, ended: Callable[[], None]) -> None:
        self._queue = queue
        self._ended = ended
        self._attempts: dict[asyncio.Task[None], Attempt] = {}

    def __len__(self) -> int:
        return len(self._attempts)

    @property
    def names(self) -> list[str]:
        """The kinds of what is being done."""
        return [attempt.held.name for attempt in self._attempts.values()]

    def begin(self, attempt: Attempt) -> None:
        task = asyncio.create_task(attempt.make(), name=f"job {attempt.held.name}")
        self._attempts[task] = attempt
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._attempts[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a try has broken", exc_info=error)
        self._ended()

    async def beat(self) -> None:
        """Holds on to them, and ends those that are lost; runs until it is cancelled."""
        while True:
            await asyncio.sleep(self._queue.lease / 3)
            await self._extend(time.monotonic())

    async def _extend(self, now: float) -> None:
        attempts = dict(self._attempts)
        # One that ignores that its time is over is held no longer, so that somebody else can do it.
        held = [each.held for each in attempts.values() if now < each.began + each.held_for]
        try:
            kept = await self._queue.extend(held) if held else set()
        except Exception as error:
            _log.warning("the leases could not be extended", error=type(error).__name__)
            kept = {each.held.lease for each in attempts.values() if now < each.held_until}
        else:
            for each in attempts.values():
                if each.held.lease in kept:
                    each.held_until = now + self._queue.lease
        for task, attempt in attempts.items():
            if attempt.held.lease not in kept and not task.done():
                attempt.lose(task)

    async def leave(self, grace: float) -> None:
        """Lets them end by themselves for so many seconds, and gives back the others."""
        if self._attempts:
            await asyncio.wait(list(self._attempts), timeout=grace)
        for task, attempt in list(self._attempts.items()):
            if not attempt.is_ending:
                task.cancel()
        if self._attempts:
            await asyncio.wait(list(self._attempts), timeout=ENDING)
