"""Whoever goes: what becomes of what they had, the last word to them, and guests who left without one."""

from typing import Final

from resolvers.jobs.leaving.erasing import ERASE, Erasure
from resolvers.jobs.leaving.farewell import FAREWELL, Farewell, bid_farewell
from resolvers.jobs.leaving.guests import FORGET_GUESTS, After, forget_guests
from resolvers.jobs.leaving.parting import orphaned, part

__all__ = [
    "ERASE",
    "FAREWELL",
    "FORGET_GUESTS",
    "KINDS",
    "After",
    "Erasure",
    "Farewell",
    "bid_farewell",
    "forget_guests",
    "orphaned",
    "part",
]

KINDS: Final = (FAREWELL, FORGET_GUESTS, ERASE)
