"""A connection that redis-py has made, without its streams: they wake a task for each reply."""

import asyncio
from collections.abc import Callable
from typing import Self, cast

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, InvalidResponse

from storage.broadcast.resp import Replies, Reply


class Link(asyncio.Protocol):
    """`on_reply` is called with each reply in order; `on_lost` once, unless it was dropped."""

    def __init__(
        self, transport: asyncio.Transport, on_reply: Callable[[Reply], None], on_lost: Callable[[Exception], None]
    ) -> None:
        self._transport = transport
        self._on_reply = on_reply
        self._on_lost = on_lost
        self._replies = Replies()
        self._dropped = False

    @classmethod
    async def over(
        cls, connection: AbstractConnection, on_reply: Callable[[Reply], None], on_lost: Callable[[Exception], None]
    ) -> Self:
        """Takes the transport of one that is connected, for good; it is still to be disconnected, without waiting."""
        await connection.connect()  # type: ignore[no-untyped-call]
        assert connection._writer
        transport = cast(asyncio.Transport, connection._writer.transport)
        # What its reader has seen of an end, nobody tells us.
        if transport.is_closing() or await connection.can_read():
            raise ConnectionError("closed as soon as it was made")
        link = cls(transport, on_reply, on_lost)
        transport.set_protocol(link)
        return link

    def write(self, commands: bytes) -> None:
        self._transport.write(commands)

    def drop(self) -> None:
        """What has not left yet never will."""
        self._dropped = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            for reply in self._replies.feed(data):
                self._on_reply(reply)
                if self._dropped:
                    # The next batch may be under way already, and these are not its replies.
                    return
        except (ConnectionError, InvalidResponse) as error:
            self._lose(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(exc or ConnectionError("closed by Redis"))

    def _lose(self, why: Exception) -> None:
        if not self._dropped:
            self.drop()
            self._on_lost(why)
