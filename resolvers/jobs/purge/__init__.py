"""What goes by the clock: what was in the trash for 30 days, and images that were promised and never came."""

from typing import Final

from resolvers.jobs.purge.apart import Apart
from resolvers.jobs.purge.expired import EXPIRE, EXPIRY, expire, expire_of, has_expired
from resolvers.jobs.purge.release import REMOVE, Remove, release
from resolvers.jobs.purge.trash import PURGE

__all__ = [
    "EXPIRE",
    "EXPIRY",
    "KINDS",
    "PURGE",
    "REMOVE",
    "Apart",
    "Remove",
    "expire",
    "expire_of",
    "has_expired",
    "release",
]

KINDS: Final = (REMOVE, PURGE, EXPIRE)
