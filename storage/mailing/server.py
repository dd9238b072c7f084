"""The mail server that a setting names."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit


class Tls(StrEnum):
    """How the way to the server is protected; where it is, the server has to prove its name."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    #: For a server on this machine, or one to which no password is said.
    NONE = "none"


_PORTS: Final = {Tls.STARTTLS: 587, Tls.IMPLICIT: 465, Tls.NONE: 25}


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, url: str) -> Self:
        """From smtp://user:password@host:587?tls=starttls, or smtps://… for implicit TLS. Raises ValueError."""
        example = "it is an address such as smtp://user:password@host:587?tls=starttls"
        try:
            parts = urlsplit(url)
            asked = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
            default = {"smtp": Tls.STARTTLS, "smtps": Tls.IMPLICIT}[parts.scheme]
            tls = Tls(asked.pop("tls", [default])[-1])
            port = _PORTS[tls] if parts.port is None else parts.port
        except (KeyError, ValueError):
            # Not the error's own words: they hold what was given, which may be a password.
            raise ValueError(example) from None
        if not parts.hostname or port == 0 or asked or parts.path.strip("/") or parts.fragment:
            raise ValueError(example)
        if (parts.scheme == "smtps" and tls != Tls.IMPLICIT) or (parts.username is None) != (parts.password is None):
            raise ValueError(example)
        if parts.password is not None and tls == Tls.NONE and not _is_here(parts.hostname):
            raise ValueError("a password goes over TLS alone, unless the server is on this machine")
        user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
        return cls(parts.hostname, port, tls, user, password)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
