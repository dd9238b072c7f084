"""PostgreSQL: connections, and the sessions that use them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import asyncpg
import orjson
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from storage.connections import POOL_TIMEOUT, Connection, Connections, Lease

#: Seconds after which a statement is cancelled, by the server and, should it hang, by us.
STATEMENT_TIMEOUT: Final = 4.0
#: And how much longer we wait for a server that does not even do that.
HANGING: Final = 0.5
CONNECT_TIMEOUT: Final = 4.0

#: What is raised when it is away or has no time, and the same may well succeed in a moment.
AWAY: Final[tuple[type[Exception], ...]] = (
    OSError,  # ConnectionError and TimeoutError among them
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.LockNotAvailableError,
    DBAPIError,
    PoolTimeoutError,
)

_LEAN: Final = {
    # A planned statement finds its rows by keys whatever it is given: a plan of its own for each execution would be no
    # better, and making it costs more than running it.
    "plan_cache_mode": "force_generic_plan",
}


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()


class Database:
    """One database behind two bounded pools: `session`, and `connections` for what is asked all the time.

    `url` is libpq's: `postgresql://user:password@host:port/name`; each pool has up to `pool_size` connections.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self.connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            pool_use_lifo=True,
            json_serializer=_encode,
            json_deserializer=orjson.loads,
            # What goes wrong is logged, and what people wrote is not to be in there.
            hide_parameters=True,
        )
        self.session = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)
        self.connections = Connections(self._lean, pool_size, limit=STATEMENT_TIMEOUT + HANGING)

    def connection(self) -> Lease:
        """A lean connection, for the length of an `async with`."""
        return Lease(self.connections)

    async def fetch_value(self, sql: str, arguments: Sequence[Any] = ()) -> Any:
        """The one value that the statement answers with; None without a row."""
        async with Lease(self.connections) as connection:
            return await connection.value(sql, arguments)

    async def connect(self, server_settings: Mapping[str, str] | None = None, **options: Any) -> asyncpg.Connection:
        """A connection of asyncpg's own, with our limits; the pools are made of these."""
        return await asyncpg.connect(
            self.url,
            timeout=CONNECT_TIMEOUT,
            **{"command_timeout": STATEMENT_TIMEOUT + HANGING, **options},
            server_settings={
                "application_name": "leporello",
                "timezone": "UTC",
                "statement_timeout": f"{STATEMENT_TIMEOUT * 1_000:.0f}ms",
                "idle_in_transaction_session_timeout": "10s",
                # Plans for short statements are not worth compiling.
                "jit": "off",
                **(server_settings or {}),
            },
        )

    async def _lean(self) -> Connection:
        connection: Connection = await self.connect(
            connection_class=Connection,
            server_settings=_LEAN,
            # Without a limit in bytes and in time, as its own cache has them; the connection keeps its statements.
            max_cacheable_statement_size=0,
            max_cached_statement_lifetime=0,
            # The pool watches over what hangs.
            command_timeout=None,
        )
        return connection

    async def ready(self) -> bool:
        """Whether it answers."""
        async with self.engine.connect() as connection:
            return bool((await connection.execute(select(1))).scalar_one() == 1)

    async def close(self) -> None:
        await self.connections.close()
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
