"""What is done behind the scenes: a file a noun, and its kinds of jobs in this list."""

from resolvers.jobs import mail, photos, purge, redevelop, sweep, upkeep
from resolvers.jobs.registry import Registry

REGISTRY = Registry(
    [
        sweep.SWEEP,
        upkeep.PRUNE,
        *purge.KINDS,
        *photos.KINDS,
        *redevelop.KINDS,
        *mail.KINDS,
    ]
)
