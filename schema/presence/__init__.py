"""Who is in a book at this moment."""

from schema.presence.people import People
from schema.presence.types import PresenceEvent, UpdatePresenceInput, UpdatePresencePayload, told_as

__all__ = ["People", "PresenceEvent", "UpdatePresenceInput", "UpdatePresencePayload", "told_as"]
