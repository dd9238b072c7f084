"""What is done behind the scenes: a file a noun, and its kinds of jobs in this list."""

from resolvers.jobs import accounts, discarding, leaving, mail, photos, purge, redevelop, sweep, upkeep
from resolvers.jobs.registry import Registry

REGISTRY = Registry(
    [
        sweep.SWEEP,
        upkeep.PRUNE,
        *purge.KINDS,
        *photos.KINDS,
        discarding.DISCARD,
        *redevelop.KINDS,
        *mail.KINDS,
        *accounts.KINDS,
        *leaving.KINDS,
    ]
)
