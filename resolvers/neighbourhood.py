"""Who comes from where, for what is counted."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

#: Bits of an IPv6 address that one customer has all below of.
_CUSTOMER: Final = 64


@lru_cache(maxsize=4_096)
def neighbourhood(address: str | None) -> str:
    """What is counted together of IP addresses: of IPv6 all of one customer, who could else try from 2^64 of them."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _CUSTOMER), strict=False))
