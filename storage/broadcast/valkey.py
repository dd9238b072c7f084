"""Redis (or Valkey) behind broadcaster's interface: one connection that hears and one that tells."""

from collections.abc import Callable

import structlog
from broadcaster import BroadcastBackend, Event
from redis.asyncio import ConnectionPool

from storage.broadcast.counts import Counts
from storage.broadcast.ear import MESSAGE_LIMIT, Ear
from storage.broadcast.exchange import PUBLISH_TIMEOUT
from storage.broadcast.wire import Wire

log = structlog.get_logger()


class ValkeyBackend(BroadcastBackend):
    """Takes redis://, rediss:// and unix:// addresses; a Redis that is away raises nothing, here or later."""

    def __init__(self, url: str) -> None:
        pool = ConnectionPool.from_url(
            url,
            # redis-py's parser for RESP3 formats every message for a log.
            protocol=2,
            socket_timeout=PUBLISH_TIMEOUT,
            socket_connect_timeout=PUBLISH_TIMEOUT,
            # We try again ourselves, and do not wait for CLIENT SETINFO at each attempt.
            retry=None,
            driver_info=None,
        )
        self.counts = Counts()
        #: Called when `away` or `connected` has changed.
        self.on_change: Callable[[], None] = lambda: None
        self._wire = Wire(pool, lambda: self.on_change())
        self._ear = Ear(pool, self.counts, self._changed)

    @property
    def connected(self) -> bool:
        """Whether all that is published on the channels that are listened to is heard."""
        return self._ear.connected

    @property
    def away(self) -> bool:
        """Whether something may happen here or elsewhere that Redis does not tell us."""
        return not self._ear.connected or self._wire.hushed

    async def connect(self) -> None:
        self._wire.open()

    async def tried(self) -> None:
        """Waits until the first attempt to connect has come out, one way or the other."""
        await self._ear.tried.wait()

    async def disconnect(self) -> None:
        """Only when nobody calls `next_published` any more."""
        await self._wire.close()
        await self._ear.close()
        self._ear.tried.clear()

    async def subscribe(self, channel: str) -> None:
        # What cannot be sent is refused to the one who asks, not in the task that everyone shares.
        channel.encode()
        await self._ear.want(channel)

    async def unsubscribe(self, channel: str) -> None:
        # Waits for nothing, so that a listener that is cancelled can still leave.
        self._ear.leave(channel)

    async def next_published(self) -> Event:
        return await self._ear.next()

    async def publish(self, channel: str, message: str) -> bool:  # type: ignore[override]
        """Whether Redis took it, within PUBLISH_TIMEOUT."""
        if not self._may_send(channel, message):
            return self._heard(None)
        return self._heard(await self._wire.ask("PUBLISH", channel, message))

    def post(self, channel: str, message: str) -> None:
        """Publishes without waiting; whether Redis took it is counted."""
        if self._may_send(channel, message):
            self._wire.post(self._heard, "PUBLISH", channel, message)
        else:
            self._heard(None)

    async def drain(self) -> None:
        """Until what was posted is told or given up."""
        await self._wire.drain()

    def _may_send(self, channel: str, message: str) -> bool:
        channel.encode()
        if len(message.encode()) > MESSAGE_LIMIT:
            log.error("A message is too long, and was not sent.", channel=channel, limit=MESSAGE_LIMIT)
            return False
        return self._wire.may_try(alive=self.connected)

    def _heard(self, answer: object) -> bool:
        told = isinstance(answer, int)
        self.counts.published += told
        self.counts.failed += not told
        return told

    async def ready(self) -> bool:
        return bool(await self._wire.ask("PING") == b"PONG")

    def _changed(self, connected: bool) -> None:
        if connected:
            self._wire.unhush()
        self.on_change()
