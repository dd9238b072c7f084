"""How it looks when a part that we depend on is away: the database, Redis, the bucket."""

from botocore.exceptions import ConnectionError as BucketConnectionError
from botocore.exceptions import HTTPClientError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_ABSENCES: tuple[type[BaseException], ...] = (
    OSError,  # ConnectionError and TimeoutError among them
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    RedisConnectionError,
    RedisTimeoutError,
    BucketConnectionError,
    HTTPClientError,
)

#: Classes of SQLSTATE that pass: connection lost, transaction to be repeated, no resources, an operator
#: intervened (a statement cancelled at its time limit among them), a lock not to be had
#: (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_PASSING_STATES = ("08", "40", "53", "57", "55P03")


def is_absence(error: BaseException) -> bool:
    """Whether the same request may well succeed in a moment."""
    if isinstance(error, _ABSENCES):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = getattr(error, "sqlstate", None) or getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(state, str) and state.startswith(_PASSING_STATES)
