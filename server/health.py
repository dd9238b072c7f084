"""Whether the program lives, and whether it can do its work, for those who run it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

#: Seconds that a part has to answer.
PATIENCE: Final = 1.0
#: Seconds that an answer is shared for, so that probes cannot be used to load the parts.
SHARED: Final = 1.0

log = structlog.get_logger()

Check = Callable[[], Awaitable[bool]]


class Health:
    """Asks each part, by its name, whether it is there."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._is_leaving = False
        self._asking: asyncio.Task[list[str]] | None = None
        self._away: list[str] = []
        self._known_until = 0.0
        self.routes = [
            Route("/health/live", self._live, methods=["GET"], include_in_schema=False),
            Route("/health/ready", self._ready, methods=["GET"], include_in_schema=False),
        ]

    def leaving(self) -> None:
        """From now on the program is not ready: whoever sends it work should send it elsewhere."""
        self._is_leaving = True

    async def away(self) -> list[str]:
        """The names of the parts that do not answer, as of at most a second ago."""
        if time.monotonic() < self._known_until:
            return self._away
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="health")
        # Shielded: one impatient probe must not end the asking for those who wait with it.
        return await asyncio.shield(self._asking)

    async def _ask(self) -> list[str]:
        try:
            answers = await asyncio.gather(*(self._is_there(check) for check in self._checks.values()))
            away = [name for name, is_there in zip(self._checks, answers, strict=True) if not is_there]
            if away != self._away:
                log.warning("readiness_changed", away=away)
            self._away = away
            self._known_until = time.monotonic() + SHARED
            return away
        finally:
            self._asking = None

    @staticmethod
    async def _is_there(check: Check) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                return await check()
        except Exception:  # Whatever it fails with, it is not there.
            return False

    async def _live(self, request: Request) -> Response:
        return JSONResponse({"live": True}, headers={"cache-control": "no-store"})

    async def _ready(self, request: Request) -> Response:
        if self._is_leaving:
            return self._told({"ready": False, "leaving": True, "away": []}, 503)
        away = await self.away()
        return self._told({"ready": not away, "away": away}, 503 if away else 200)

    @staticmethod
    def _told(answer: dict[str, object], status: int) -> Response:
        return JSONResponse(answer, status, headers={"cache-control": "no-store"})
