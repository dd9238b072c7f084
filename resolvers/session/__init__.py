"""Sessions: begun, renewed, listed and ended."""

from resolvers.session.beginning import Device, Tokens, begin
from resolvers.session.ending import end, is_still_in, revoke, revoke_all, revoke_others
from resolvers.session.refreshing import refresh
from resolvers.session.renewing import renew

__all__ = [
    "Device",
    "Tokens",
    "begin",
    "end",
    "is_still_in",
    "refresh",
    "renew",
    "revoke",
    "revoke_all",
    "revoke_others",
]
