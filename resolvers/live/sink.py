"""Where a follower's answers go: a websocket, as those who send on it see it."""

from collections.abc import Sequence
from typing import Protocol


class Sink(Protocol):
    """One subscription on one socket."""

    @property
    def is_busy(self) -> bool:
        """Whether it has not taken yet what was sent last: whoever sends now would queue."""

    def send(self, payloads: Sequence[bytes]) -> None:
        """Sends the answers, in one write where that can be; what the peer will never see is dropped."""

    async def ready(self) -> None:
        """Until it is not busy. Raises ConnectionError when it is closed, for reading too slowly as well."""
