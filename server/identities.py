"""The providers that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from resolvers.identity import Providers, Redirects
from server.settings import Settings
from storage.identities import Entry, OpenId, Wire, entries_of


def entries(settings: Settings) -> tuple[Entry, ...]:
    return entries_of(settings.identity_providers) if settings.identity_providers is not None else ()


@asynccontextmanager
async def providers_of(settings: Settings) -> AsyncIterator[Providers]:
    """None of them is asked before somebody sets out for it: the program starts while they are away."""
    own = urlsplit(settings.address)
    redirects = Redirects([f"{own.scheme}://{own.netloc}", *settings.allowed_origins], settings.identity_redirects)
    async with Wire() as wire:
        yield Providers((OpenId(entry, wire) for entry in entries(settings)), redirects)
