"""One listener's bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum
from typing import Final, Literal, TypeAlias

QUEUE_LIMIT = 1_000


class Gap(Enum):
    GAP = "gap"

    def __repr__(self) -> str:
        return "GAP"


GAP: Final[Literal[Gap.GAP]] = Gap.GAP
"""Something may have been missed: read on from the journal."""

Heard: TypeAlias = str | Gap


class Subscription:
    """What is heard on a channel, in order; it ends when the broadcast does."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._backlog: deque[Heard] = deque()
        self._limit = limit
        self._more = asyncio.Event()
        self._over = False

    def tell(self, heard: Heard) -> bool:
        """Whether the listener keeps up; one that does not finds a single GAP in place of its backlog."""
        if self._over:
            return True
        backlog = self._backlog
        if keeps_up := len(backlog) < self._limit:
            # One GAP says as much as two.
            if heard is not GAP or not backlog or backlog[-1] is not GAP:
                backlog.append(heard)
        else:
            backlog.clear()
            backlog.append(GAP)
        self._more.set()
        return keeps_up

    def end(self) -> None:
        """What was heard before can still be read."""
        self._over = True
        self._more.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Heard:
        while not self._backlog:
            if self._over:
                raise StopAsyncIteration
            self._more.clear()
            await self._more.wait()
        return self._backlog.popleft()
