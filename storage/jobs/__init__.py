"""The queue of what we owe: a table, in whose transactions nothing is lost (docs/adr/0014-jobs.md)."""

from storage.jobs.backlog import LISTED, Backlog, Listed
from storage.jobs.bell import CHANNEL, Bell
from storage.jobs.claims import LEASE, Held, Lapsed
from storage.jobs.job import (
    ERROR_LIMIT,
    JOBS_LIMIT,
    KEY_LIMIT,
    PAYLOAD_LIMIT,
    PRIORITY,
    GaveUp,
    Job,
    LeaseLost,
)
from storage.jobs.queue import Queue
from storage.jobs.schedules import Due, Schedules, last_slot

__all__ = [
    "CHANNEL",
    "ERROR_LIMIT",
    "JOBS_LIMIT",
    "KEY_LIMIT",
    "LEASE",
    "LISTED",
    "PAYLOAD_LIMIT",
    "PRIORITY",
    "Backlog",
    "Bell",
    "Due",
    "GaveUp",
    "Held",
    "Job",
    "Lapsed",
    "LeaseLost",
    "Listed",
    "Queue",
    "Schedules",
    "last_slot",
]
