"""Tokens: the signed one that says who asks, and the opaque one that brings the next."""

from resolvers.token.access import LEEWAY, REMEMBERED, AccessTokens, Claims, TokenExpired
from resolvers.token.opaque import RefreshTokens, hash_of, opaque_token
from resolvers.token.signing import Algorithm, SigningKeys

__all__ = [
    "LEEWAY",
    "REMEMBERED",
    "AccessTokens",
    "Algorithm",
    "Claims",
    "RefreshTokens",
    "SigningKeys",
    "TokenExpired",
    "hash_of",
    "opaque_token",
]
