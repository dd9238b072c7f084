"""The websockets of this process, by their sessions, so that the end of a session ends them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from resolvers.context import Viewer
from server.graphql.limits import Limits

if TYPE_CHECKING:
    from server.graphql.socket import Socket


class Sockets:
    """Holds each socket from its handshake to its end, and no more of them than the limits say."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all: set[Socket] = set()
        self._is_leaving = False
        self._of_session: dict[UUID, set[Socket]] = {}
        self._of_user: Counter[UUID] = Counter()
        #: Operations under way on all of them.
        self.running = 0
        self._of_address: Counter[str | None] = Counter()

    def __iter__(self) -> Iterator[Socket]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    @property
    def sessions(self) -> frozenset[UUID]:
        """The sessions that have a socket here."""
        return frozenset(self._of_session)

    def admit(self, socket: Socket) -> bool:
        """False when a cap is reached, or all are about to go."""
        if self._is_leaving:
            return False
        address = socket.entrance.ip_address
        if len(self._all) >= self._limits.sockets_per_process:
            return False
        if self._of_address[address] >= self._limits.sockets_per_address:
            return False
        self._all.add(socket)
        self._of_address[address] += 1
        return True

    def identify(self, socket: Socket, viewer: Viewer) -> bool:
        """From now on the socket ends with the viewer's session. False when they have too many."""
        if socket not in self._all:
            return True
        if self._of_user[viewer.user_id] >= self._limits.sockets_per_user:
            return False
        self._of_user[viewer.user_id] += 1
        self._of_session.setdefault(viewer.session_id, set()).add(socket)
        return True

    def forget(self, socket: Socket) -> None:
        """It is gone. Can be repeated."""
        if socket not in self._all:
            return
        self._all.discard(socket)
        _count_down(self._of_address, socket.entrance.ip_address)
        if socket.viewer and (of_session := self._of_session.get(socket.viewer.session_id)):
            _count_down(self._of_user, socket.viewer.user_id)
            of_session.discard(socket)
            if not of_session:
                del self._of_session[socket.viewer.session_id]

    async def close_session(self, session_id: UUID, code: int = 4401, reason: str = "Session revoked.") -> None:
        """Ends every socket of a session; whatever their subscriptions still yield is not sent."""
        await _together(each.close(code, reason) for each in list(self._of_session.get(session_id, ())))

    async def close_all(self, code: int = 1012, reason: str = "Restarting.") -> None:
        """Ends every socket once its mutations have been answered; no other is let in."""
        self._is_leaving = True
        await _together(each.retire(code, reason) for each in list(self._all))


def _count_down(counts: Counter[Any], key: object) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


async def _together(closings: Iterable[Coroutine[Any, Any, None]]) -> None:
    # Each has a time limit of its own, and none waits for another.
    await asyncio.gather(*closings)
