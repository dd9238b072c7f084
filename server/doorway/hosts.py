"""The names that this program answers to."""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: A name has at most 253 characters, a port five.
LENGTH_LIMIT: Final = 259
_host = re.compile(rb"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Hosts:
    """Those of the public address and those allowed besides; a port is no part of a name."""

    def __init__(self, public_url: str, allowed: Collection[str] = (), *, development: bool = False) -> None:
        public = urlsplit(public_url).hostname
        if not public:
            raise ValueError(f"The public address {public_url!r} has no host.")
        names = {public, *(name.lower() for name in allowed)} | (LOOPBACK if development else set())
        self._names = frozenset(f"[{name}]" if ":" in name and name[0] != "[" else name for name in names)

    def knows(self, given: bytes | None) -> bool:
        return self.name(given) in self._names

    @staticmethod
    def name(given: bytes | None) -> str | None:
        """The name in a Host header, or None where it is not one."""
        found = _host.fullmatch(given) if given is not None and len(given) <= LENGTH_LIMIT else None
        return found[1].decode().lower() if found else None
