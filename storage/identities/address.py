"""Which addresses we speak to."""

from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


def is_local(url: str) -> bool:
    """Whether it is plain HTTP to this machine, for development."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def is_reachable(url: str, *, http: bool) -> bool:
    """Whether it is https to a host; `http` allows plain HTTP to this machine."""
    try:
        parts = urlsplit(url)
        # Reading the port is what finds one that is none.
        well = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    is_bare = "@" not in parts.netloc and "#" not in url
    return well and is_plain and is_bare and (parts.scheme == "https" or (http and is_local(url)))
