"""PostgreSQL: connections, and the sessions that use them."""

from typing import Any, Final, Self

import asyncpg
import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

#: Seconds that a request waits for a free connection before it is refused.
POOL_TIMEOUT: Final = 2.0
#: Seconds after which a statement is cancelled, by the server and, should it hang, by us.
STATEMENT_TIMEOUT: Final = 5.0
CONNECT_TIMEOUT: Final = 5.0


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()


class Database:
    """One database behind a bounded pool. `url` is libpq's: `postgresql://user:password@host:port/name`."""

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

    async def connect(self, **options: Any) -> asyncpg.Connection:
        """A connection of asyncpg's own, with our limits; the pool is made of these."""
        return await asyncpg.connect(
            self.url,
            timeout=CONNECT_TIMEOUT,
            **{"command_timeout": STATEMENT_TIMEOUT + 1, **options},
            server_settings={
                "application_name": "leporello",
                "timezone": "UTC",
                "statement_timeout": f"{STATEMENT_TIMEOUT:.0f}s",
                "idle_in_transaction_session_timeout": "10s",
                # Plans for short statements are not worth compiling.
                "jit": "off",
            },
        )

    async def ready(self) -> bool:
        """Whether it answers."""
        async with self.engine.connect() as connection:
            return bool((await connection.execute(select(1))).scalar_one() == 1)

    async def close(self) -> None:
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
