"""The windows that hits are counted in, by the `limits` library."""

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

#: Seconds that Redis has for an answer, and seconds for which it is not asked again when it had none.
ANSWER_TIMEOUT: Final = 0.2
REST: Final = 1.0
#: Connections of one process.
CONNECTIONS: Final = 20
#: How often it is asked where our own loop was too late to hear the answer.
TRIES: Final = 3
_PREFIX: Final = "rates"

_log = structlog.get_logger("rates")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in any window of so many seconds."""

    amount: int
    seconds: int

    def times(self, factor: float) -> "Limit":
        return Limit(max(1, round(self.amount * factor)), self.seconds)


class Windows:
    """`exactly` keeps each hit (a moving window), `roughly` two numbers whatever the amount (a sliding counter).

    Keys of `house` (a database) are its own, where several share a Redis.
    """

    def __init__(self, url: str, house: str) -> None:
        self._pool = ConnectionPool.from_url(
            url,
            protocol=2,
            max_connections=CONNECTIONS,
            # Whoever waits is to be let through, not kept for another try.
            retry=None,
            driver_info=None,
        )
        # The address is the pool's; the library wants to see one too.
        options = {"connection_pool": self._pool}
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{_PREFIX}:{house}",
            **options,  # type: ignore[arg-type]
        )
        self._moving = MovingWindowRateLimiter(storage)
        self._sliding = SlidingWindowCounterRateLimiter(storage)
        # More at once would find no connection, which is not Redis' fault.
        self._hands = asyncio.Semaphore(CONNECTIONS)
        self._away_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.disconnect()

    @property
    def is_away(self) -> bool:
        return time.monotonic() < self._away_until

    async def exactly(self, limit: Limit, *of: str, cost: int = 1) -> float | None:
        """Takes the cost, or takes nothing and gives the seconds after which to come again."""
        return await self._hit(self._moving, limit, of, cost)

    async def roughly(self, limit: Limit, *of: str, cost: int = 1) -> float | None:
        """As `exactly`; what the window before this one had is taken as spread evenly over it."""
        return await self._hit(self._sliding, limit, of, cost)

    async def _hit(self, limiter: RateLimiter, limit: Limit, of: tuple[str, ...], cost: int) -> float | None:
        item = RateLimitItemPerSecond(limit.amount, limit.seconds)
        async with self._hands:
            for _ in range(TRIES):
                if self.is_away:
                    return None
                asked = time.monotonic()
                try:
                    async with asyncio.timeout(ANSWER_TIMEOUT):
                        return await self._outcome(limiter, item, of, cost)
                except TimeoutError:
                    # Where it took much longer than we would have waited it was we who were late.
                    if time.monotonic() - asked < 2 * ANSWER_TIMEOUT:
                        self._rest()
                except (RedisError, OSError):
                    self._rest()
        return None

    async def _outcome(self, limiter: RateLimiter, item: RateLimitItem, of: tuple[str, ...], cost: int) -> float | None:
        if await limiter.hit(item, *of, cost=cost):
            return None
        stats = await limiter.get_window_stats(item, *of)
        return min(max(1.0, stats.reset_time - time.time()), float(item.get_expiry()))

    def _rest(self) -> None:
        if not self.is_away:
            _log.warning("Rates are not limited: Redis is away.")
        self._away_until = time.monotonic() + REST
