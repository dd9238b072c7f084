"""Access tokens: the signed ones, which say who asks."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import jwt

from models.refusal import Unauthenticated
from models.session import ACCESS_LIFETIME
from resolvers.keyring import Keyring
from resolvers.token.signing import Algorithm, SigningKeys

_ISSUER: Final = "leporello"
_TYPE: Final = "at+jwt"
#: Seconds by which the clocks of two machines may differ.
LEEWAY: Final = 10
_LONGEST: Final = 2_000
#: Verified tokens whose claims are remembered; ours are about 400 bytes long.
REMEMBERED: Final = 8_192
_REFUSED: Final = "The access token is not valid. Refresh the session, or sign in."
_REQUIRED: Final = ["exp", "iat", "sub", "sid", "aud", "iss"]


class TokenExpired(Unauthenticated):
    """The access token was good once; a fresh one will do."""


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: UUID
    session_id: UUID
    expires_at: datetime


class AccessTokens:
    """JWTs as RFC 9068 profiles them, signed by keys derived from the program's secret."""

    def __init__(self, keyring: Keyring, algorithm: Algorithm = Algorithm.HS256) -> None:
        self._keys = SigningKeys(keyring, algorithm)
        # By their text: a hash would cost half as much as all the rest, and hide nothing from whoever reads this
        # memory, where the key lies that signs any of them. What raises is not remembered.
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._verify)

    def issue(
        self, user_id: UUID, session_id: UUID, now: datetime, ends: datetime | None = None
    ) -> tuple[str, datetime]:
        """A token and the moment it expires, which is not after the session `ends`."""
        expires_at = now.replace(microsecond=0) + ACCESS_LIFETIME
        if ends is not None:
            expires_at = min(expires_at, ends.replace(microsecond=0))
        claims = {
            "iss": _ISSUER,
            "aud": _ISSUER,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        key = self._keys.newest
        return jwt.encode(claims, key.signing, key.algorithm, headers={"typ": _TYPE, "kid": key.id}), expires_at

    def verify(self, token: str) -> Claims:
        """Raises Unauthenticated, in the same words whatever is wrong; TokenExpired when only its time is over."""
        if len(token) > _LONGEST:
            raise Unauthenticated(_REFUSED)
        claims, expires = self._remembered(token)
        if expires <= time.time() - LEEWAY:
            raise TokenExpired(_REFUSED, claims.user_id)
        return claims

    def _verify(self, token: str) -> tuple[Claims, float]:
        """The claims, and when they expire in seconds since the epoch."""
        try:
            decoded = self._decoded(token)
            if decoded["header"].get("typ") != _TYPE:
                raise Unauthenticated(_REFUSED)
            claims = decoded["payload"]
            if claims["exp"] - claims["iat"] > ACCESS_LIFETIME.total_seconds():
                raise Unauthenticated(_REFUSED)
            expires_at = datetime.fromtimestamp(claims["exp"], UTC)
            return Claims(UUID(claims["sub"]), UUID(claims["sid"]), expires_at), int(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, AttributeError) as error:
            raise Unauthenticated(_REFUSED) from error

    def _decoded(self, token: str) -> dict[str, Any]:
        for key in self._keys.of(jwt.get_unverified_header(token).get("kid")):
            try:
                return jwt.decode_complete(
                    token,
                    key.verifying,
                    # The key's own, never what the token says of itself.
                    algorithms=[key.algorithm],
                    audience=_ISSUER,
                    issuer=_ISSUER,
                    leeway=LEEWAY,
                    # When it expires is looked at each time; whose it was is to be known even then.
                    options={"require": _REQUIRED, "verify_exp": False},
                )
            except jwt.InvalidSignatureError:
                continue
        raise jwt.InvalidSignatureError
