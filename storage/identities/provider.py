"""What every kind of provider can do, whatever it speaks.

OpenID Connect is the one that there is. SAML 2.0 with HTTP-Artifact fits in: `begin` signs an AuthnRequest and keeps
its id among the secrets, `complete` resolves the `SAMLart`, and the state comes back as `RelayState`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Away(Exception):
    """The provider does not answer, or not as it should; the words are for the log, and hold no secret."""


class Unknown(Away):
    """The provider does not know this house, or not by this secret: no later try mends that."""


class Denied(Exception):
    """It is not shown who this is; the words may be shown."""


class Senseless(Exception):
    """No answer that this provider gives; the words may be shown."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a browser goes, and what is kept (sealed) until it comes back."""

    url: str = field(repr=False)
    secrets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Who it is, as the provider says: by issuer and subject for ever, by all else until they change it there."""

    issuer: str
    subject: str
    email: str | None = field(default=None, repr=False)
    email_verified: bool = False
    names: tuple[str, ...] = field(default=(), repr=False)
    locale: str | None = None


class Provider(Protocol):
    @property
    def name(self) -> str:
        """What clients and our rows call it."""

    @property
    def label(self) -> str:
        """What people call it."""

    @property
    def trusts_email(self) -> bool:
        """Whether an address that it has verified is as good as one that we have."""

    @property
    def state_name(self) -> str:
        """The parameter of its answer that is our state."""

    async def begin(self, redirect_uri: str, state: str) -> Departure:
        """Raises Away."""

    async def complete(self, response: Mapping[str, str], redirect_uri: str, secrets: bytes) -> Person:
        """Raises Denied, Senseless, Away."""

    async def ready(self) -> None:
        """Raises Away."""
