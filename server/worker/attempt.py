"""One try of a job: done, put back for another one, or dead; and one line that says so."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final

import structlog
from structlog.contextvars import bound_contextvars

from resolvers.context import Parts
from resolvers.jobs.kind import Kind
from resolvers.jobs.registry import Registry
from resolvers.jobs.run import Run
from server.observe import redaction, tracing
from storage.jobs import ERROR_LIMIT, GaveUp, Held, LeaseLost, Queue

#: Seconds before how a try ended is said again to a database that was away; then its lease lapses.
_SAID_AGAIN: Final = (0.2, 1.0, 3.0)
#: Seconds that a try has to end once its time is over, before nobody holds its job for it any more.
ENDING: Final = 10.0

_log = structlog.get_logger("jobs")


class Outcome(StrEnum):
    DONE = "done"
    RETRIED = "retried"
    DEAD = "dead"
    #: Somebody else has it by now.
    LOST = "lost"
    GIVEN_BACK = "given back"


class Attempt:
    """A held job while it is done, and how it came out."""

    def __init__(self, parts: Parts, queue: Queue, registry: Registry, held: Held) -> None:
        self.held = held
        self.outcome: Outcome | None = None
        #: Seconds after its beginning from which on nobody need hold it.
        self.held_for = registry[held.name].timeout + ENDING
        self.began = time.monotonic()
        #: Until when nobody else has the job, on the monotonic clock.
        self.held_until = self.began + queue.lease
        #: Whether it is being ended, and is not to be interrupted in that.
        self.is_ending = False
        self._kind: Kind[Any] = registry[held.name]
        self._then = registry.then(self._kind)
        self._queue = queue
        self._run = Run(parts, held, is_last=held.tries >= self._kind.tries)
        self._is_lost = False

    def lose(self, task: asyncio.Task[None]) -> None:
        """Ends it, because somebody else may have the job."""
        if not self.is_ending:
            self._is_lost = True
            task.cancel()

    async def make(self) -> None:
        """Raises CancelledError where it was cancelled, once that is written down."""
        with bound_contextvars(job=self.held.name, job_id=self.held.id):
            error: BaseException | None = None
            try:
                with tracing.job(self.held.name, self.held.traceparent):
                    await self._do()
            except (Exception, asyncio.CancelledError) as raised:
                error = raised
            self.is_ending = True
            self.outcome = await self._end(error)
        self._tell(error)
        if isinstance(error, asyncio.CancelledError):
            raise error

    async def _do(self) -> None:
        try:
            payload = self._kind.read(self.held.payload)
        except ValueError:
            # Without what was wrong with it: that would quote the payload.
            raise GaveUp("Its payload is not what this kind of job needs.") from None
        limit = asyncio.timeout(self._kind.timeout)
        try:
            async with limit:
                await self._kind.do(self._run, payload)
        except TimeoutError as error:
            if limit.expired():
                raise TimeoutError(f"It took longer than {self._kind.timeout:g} s.") from error
            raise

    async def _end(self, error: BaseException | None) -> Outcome:
        if self._run.is_finished:
            return Outcome.DONE
        if self._is_lost or isinstance(error, LeaseLost):
            return Outcome.LOST
        if error is None:
            return await self._said(Outcome.DONE, lambda: self._queue.finish(self.held))
        if isinstance(error, asyncio.CancelledError):
            return await self._said(Outcome.GIVEN_BACK, lambda: self._queue.give_back(self.held))
        told = redaction.text(f"{type(error).__name__}: {error}", ERROR_LIMIT)
        if self._run.is_last or isinstance(error, GaveUp):
            return await self._said(Outcome.DEAD, lambda: self._queue.die(self.held, told, self._then))
        seconds = self._kind.backoff.after(self.held.tries)
        return await self._said(Outcome.RETRIED, lambda: self._queue.retry(self.held, told, seconds))

    async def _said(self, outcome: Outcome, say: Callable[[], Awaitable[bool]]) -> Outcome:
        for seconds in _SAID_AGAIN:
            try:
                return outcome if await say() else Outcome.LOST
            except Exception as error:
                _log.warning("how a job ended could not be written", error=type(error).__name__)
                await asyncio.sleep(seconds)
        return Outcome.LOST

    def _tell(self, error: BaseException | None) -> None:
        tell = _log.error if self.outcome is Outcome.DEAD else _log.info
        if self.outcome in (Outcome.RETRIED, Outcome.LOST):
            tell = _log.warning
        tell(
            "job",
            name=self.held.name,
            id=self.held.id,
            ms=round((time.monotonic() - self.began) * 1_000, 2),
            outcome=str(self.outcome),
            tried=self.held.tries,
            exc_info=error if isinstance(error, Exception) and not isinstance(error, GaveUp | LeaseLost) else None,
        )
