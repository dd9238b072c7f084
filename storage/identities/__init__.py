"""Other places where people have a login, and what these say of them."""

from storage.identities.entry import Entry, entries_of
from storage.identities.openid import OpenId
from storage.identities.provider import Away, Denied, Departure, Person, Provider, Senseless, Unknown
from storage.identities.wire import Wire

__all__ = [
    "Away",
    "Denied",
    "Departure",
    "Entry",
    "OpenId",
    "Person",
    "Provider",
    "Senseless",
    "Unknown",
    "Wire",
    "entries_of",
]
