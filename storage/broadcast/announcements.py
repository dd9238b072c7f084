"""Who listens to what, in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

import structlog
from broadcaster import Broadcast

from storage.broadcast.counts import Counts
from storage.broadcast.ear import CONNECT_TIMEOUT, Lapse
from storage.broadcast.ending import end
from storage.broadcast.poller import Poll, Poller
from storage.broadcast.subscription import GAP, Heard, Subscription
from storage.broadcast.valkey import ValkeyBackend

log = structlog.get_logger()


class Announcements(Broadcast):
    """Told to all processes; `on_change` is called with `connected` whenever that has changed."""

    def __init__(
        self,
        backend: ValkeyBackend,
        *,
        poll: Poll | None = None,
        on_change: Callable[[bool], None] | None = None,
    ) -> None:
        super().__init__(backend=backend)
        self._valkey = backend
        self._audiences: dict[str, set[Subscription]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._poller = poll and Poller(
            poll, away=lambda: backend.away, channels=lambda: list(self._audiences), tell=self._tell
        )
        self._on_change = on_change
        self._said = False
        backend.on_change = self._changed

    @property
    def connected(self) -> bool:
        return self._valkey.connected

    @property
    def counts(self) -> Counts:
        return self._valkey.counts

    async def ready(self) -> bool:
        """Whether Redis answers at this moment."""
        return await self._valkey.ready()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def connect(self) -> None:
        """Begins with or without Redis: waits for it CONNECT_TIMEOUT at most."""
        if self._tasks:
            return
        await self._valkey.connect()
        self._tasks.append(asyncio.create_task(self._listener(), name="broadcast: hear"))
        if self._poller:
            self._tasks.append(asyncio.create_task(self._poller.run(), name="broadcast: poll"))
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._valkey.tried()

    async def disconnect(self) -> None:
        """Everyone who listens sees the end."""
        tasks, self._tasks = self._tasks, []
        for audience in self._audiences.values():
            for subscription in audience:
                subscription.end()
        await end(tasks)
        await self._valkey.drain()
        await self._valkey.disconnect()

    async def publish(self, channel: str, message: str) -> bool:  # type: ignore[override]
        """Whether Redis was told; if not, the listeners find out by polling."""
        return await self._valkey.publish(channel, message)

    def tell(self, channel: str, message: str) -> None:
        """Publishes without waiting: what is told has happened already, and whoever did it need not stay."""
        self._valkey.post(channel, message)

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[Subscription]:
        """Nothing that is published once this is entered is lost without a GAP in its place."""
        subscription = Subscription()
        if not self._tasks:
            subscription.end()
        # Registered before Redis is asked, so that a second listener cannot overwrite the first.
        audience = self._audiences.setdefault(channel, set())
        audience.add(subscription)
        self.counts.subscribers += 1
        try:
            await self._valkey.subscribe(channel)
            yield subscription
        finally:
            subscription.end()
            audience.remove(subscription)
            self.counts.subscribers -= 1
            if not audience:
                del self._audiences[channel]
                await self._valkey.unsubscribe(channel)

    subscribe = listen  # type: ignore[assignment]

    async def _listener(self) -> None:
        while True:
            event = await self._valkey.next_published()
            self._tell(event.channel, GAP if isinstance(event, Lapse) else event.message)

    def _tell(self, channel: str, heard: Heard) -> None:
        for subscription in self._audiences.get(channel, ()):
            if not subscription.tell(heard) or heard is GAP:
                self.counts.gaps += 1

    def _changed(self) -> None:
        if self._poller:
            self._poller.hurry()
        if self.connected is self._said:
            return
        self._said = self.connected
        if self.connected:
            log.info("Redis is heard.")
        if self._on_change:
            try:
                self._on_change(self.connected)
            except Exception:
                log.exception("Whoever follows Redis's health has failed.")
