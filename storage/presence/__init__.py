"""Who is where, in Redis alone: nothing of it outlives the people."""

from storage.presence.line import Line
from storage.presence.state import Frame, Patch, State, patch_of
from storage.presence.store import FULL, Full, Joined, Store, presence_channel

__all__ = ["FULL", "Frame", "Full", "Joined", "Line", "Patch", "State", "Store", "patch_of", "presence_channel"]
