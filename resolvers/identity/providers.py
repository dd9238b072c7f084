"""The providers of a house, and where they may send people back to."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import structlog

from models.refusal import Invalid, Unavailable
from storage.identities import Away, Provider, Unknown

_LENGTH: Final = 2_000
_REFUSED: Final = (
    "People cannot be sent back to there: the house's ALLOWED_ORIGINS or IDENTITY_REDIRECTS has to name it."
)

_log = structlog.get_logger("identities")


class Redirects:
    """`origins` are of web pages, whatever the path; `exactly` are addresses of apps, which have a scheme of theirs."""

    def __init__(self, origins: Collection[str], exactly: Collection[str]) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)
        self._exactly = frozenset(exactly)

    def checked(self, uri: str, *path: str) -> str:
        """Raises Invalid."""
        if uri not in self._exactly and not self._is_of_ours(uri):
            raise Invalid(_REFUSED, *path)
        return uri

    def _is_of_ours(self, uri: str) -> bool:
        # Browsers read a backslash as a slash and leave out what does not print, before they look where it leads.
        if len(uri) > _LENGTH or not uri.isascii() or not uri.isprintable() or set(uri) & set(" \\#"):
            return False
        try:
            parts = urlsplit(uri)
        except ValueError:
            return False
        return f"{parts.scheme}://{parts.netloc}".lower() in self._origins


class Providers:
    """By their names."""

    def __init__(self, providers: Iterable[Provider], redirects: Redirects) -> None:
        self._by_name = {provider.name: provider for provider in providers}
        self.redirects = redirects

    @property
    def names(self) -> list[str]:
        return list(self._by_name)

    def label_of(self, name: str) -> str:
        """What people call it; the name itself of one that is no more."""
        return self._by_name[name].label if name in self._by_name else name

    def named(self, name: str, *path: str) -> Provider:
        """Raises Invalid."""
        if name not in self._by_name:
            raise Invalid("There is no such provider.", *path)
        return self._by_name[name]


@contextmanager
def answering(provider: Provider) -> Iterator[None]:
    """Raises Unavailable where it does not answer within; why is for the log alone."""
    try:
        yield
    except Unknown as unknown:
        _log.error("identity_provider_refuses_us", provider=provider.name, reason=str(unknown))
        raise Unavailable(f"{provider.label} does not know this house. Tell whoever runs it.") from None
    except Away as away:
        _log.warning("identity_provider_away", provider=provider.name, reason=str(away))
        raise Unavailable(f"{provider.label} does not answer. Begin anew in a moment.") from None
