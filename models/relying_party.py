"""Whom passkeys are for: WebAuthn's relying party."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import urlsplit

#: A passkey belongs to a domain, which an address of this machine is not; its name is, and browsers trust it.
LOCAL: Final = "localhost"
_PORTS: Final = {"http": 80, "https": 443}
_DOMAIN: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_APP: Final = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """A domain, and the pages and apps that may use its passkeys."""

    domain: str
    origins: tuple[str, ...]
    name: str = "Leporello"

    @classmethod
    def at(
        cls, address: str, *, domain: str | None = None, allowed: Iterable[str] = (), also: Iterable[str] = ()
    ) -> Self:
        """Of the public address and the `allowed` origins what is within the domain (the address' own, unless said).

        `also` are origins wherever they are: those of apps, say.
        """
        own = urlsplit(address)
        is_local = _is_loopback(own.hostname or "")
        domain = domain or (LOCAL if is_local else own.hostname or "")
        pages = (_origin(each, LOCAL if is_local else None) for each in (address, *allowed))
        return cls(domain, tuple(dict.fromkeys([*_within(domain, pages), *also])))


def is_domain(text: str) -> bool:
    return _DOMAIN.fullmatch(text) is not None and not re.fullmatch(r"[0-9.]+", text)


def is_app(text: str) -> bool:
    """Whether it is the origin of an Android app: the hash of the certificate that it is signed with."""
    return _APP.fullmatch(text) is not None


def _within(domain: str, pages: Iterable[str]) -> Iterator[str]:
    for page in pages:
        host = urlsplit(page).hostname or ""
        if host == domain or host.endswith(f".{domain}"):
            yield page


def _origin(address: str, loopback: str | None) -> str:
    """As browsers write it."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    host = loopback if loopback and _is_loopback(host) else host
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == LOCAL
