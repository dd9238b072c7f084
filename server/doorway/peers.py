"""Who is at the other end of a connection, behind proxies that we know."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network | str

#: Proxies in a row that are looked behind, and peers that are remembered.
HOPS_LIMIT: Final = 10
REMEMBERED: Final = 1_024


class Peers:
    """`trusted` are the networks of our own proxies, as `10.0.0.0/8`; nobody else is believed."""

    def __init__(self, trusted: Collection[Network]) -> None:
        networks = tuple(ip_network(str(network), strict=False) for network in trusted)

        @lru_cache(maxsize=REMEMBERED)
        def trusts(host: str) -> bool:
            address = _address(host)
            return address is not None and any(address in network for network in networks)

        self.trusts = trusts

    def origin(self, peer: str, forwarded: Sequence[bytes]) -> str:
        """The address that the farthest trusted proxy saw; `forwarded` are the X-Forwarded-For headers.

        Read from the right, where our own proxies write: what stands left of theirs the client made up.
        """
        seen = peer
        hops = b",".join(forwarded).rsplit(b",", HOPS_LIMIT)[-HOPS_LIMIT:]
        for hop in reversed(hops):
            if not self.trusts(seen):
                break
            address = _address(hop.decode("latin-1").strip())
            if address is None:
                break
            seen = str(address)
        return seen


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in the forms that proxies write it in, with or without a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A dual-stack socket shows an IPv4 peer as ::ffff:10.0.0.1.
    return getattr(address, "ipv4_mapped", None) or address
