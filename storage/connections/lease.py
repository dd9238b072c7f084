"""A connection for the length of a block, and what becomes of it afterwards."""

from types import TracebackType

import asyncpg

from storage.connections.connection import Connection
from storage.connections.pool import Connections


class Lease:
    """A connection for the length of an `async with`."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __aenter__(self) -> Connection:
        self._connection = await self._connections.take()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._connection
        if isinstance(error, TimeoutError) or not isinstance(error, Exception | None):
            # What it was doing may still be under way.
            self._connections.drop(connection)
            return
        if isinstance(error, asyncpg.InternalClientError):
            # The server's last word came while it lay idle, and it has not seen its end yet: nothing was asked on it.
            connection.terminate()
            self._connections.drop(connection)
            raise ConnectionError("The connection to the database was lost.") from error
        lost = connection.is_closed()
        self._connections.give(connection)
        if isinstance(error, asyncpg.PostgresError):
            # Rows and values, which are not to be in a log.
            error.detail = None
        if lost and isinstance(error, asyncpg.InterfaceError):
            # That it is closed is our misuse to asyncpg, when it is the server that went away.
            raise ConnectionError("The connection to the database was lost.") from error
