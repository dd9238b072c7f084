"""Tokens: the signed one that says who asks, and the opaque one that brings the next."""

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import jwt

from models.refusal import Unauthenticated
from models.session import ACCESS_LIFETIME

_ISSUER: Final = "leporello"
_TYPE: Final = "at+jwt"
#: Seconds by which the clocks of two machines may differ.
LEEWAY: Final = 10
_LONGEST: Final = 2_000
#: Verified tokens whose claims are remembered; ours are about 350 bytes long.
REMEMBERED: Final = 8_192
_REFUSED: Final = "The access token is not valid. Refresh the session, or sign in."


class TokenExpired(Unauthenticated):
    """The access token was good once; a fresh one will do."""


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: UUID
    session_id: UUID
    expires_at: datetime


class AccessTokens:
    """JWTs signed with HS256, as RFC 9068 profiles them, by a key derived from the program's secret."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"access token", "sha256")
        self._pepper = hmac.digest(secret.encode(), b"refresh token", "sha256")
        # By their text: a hash would cost half as much as all the rest, and hide nothing from whoever reads this
        # memory, where the key lies that signs any of them. What raises is not remembered.
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._verify)

    def issue(self, user_id: UUID, session_id: UUID, now: datetime) -> tuple[str, datetime]:
        """A token and the moment it expires."""
        expires_at = now.replace(microsecond=0) + ACCESS_LIFETIME
        claims = {
            "iss": _ISSUER,
            "aud": _ISSUER,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return jwt.encode(claims, self._key, "HS256", headers={"typ": _TYPE}), expires_at

    def verify(self, token: str) -> Claims:
        """Raises Unauthenticated, in the same words whatever is wrong; TokenExpired when only its time is over."""
        if len(token) > _LONGEST:
            raise Unauthenticated(_REFUSED)
        claims, expires = self._remembered(token)
        if expires <= time.time() - LEEWAY:
            raise TokenExpired(_REFUSED)
        return claims

    def _verify(self, token: str) -> tuple[Claims, float]:
        """The claims, and when they expire in seconds since the epoch."""
        try:
            decoded: dict[str, Any] = jwt.decode_complete(
                token,
                self._key,
                algorithms=["HS256"],
                audience=_ISSUER,
                issuer=_ISSUER,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub", "sid", "aud", "iss"]},
            )
            if decoded["header"].get("typ") != _TYPE:
                raise Unauthenticated(_REFUSED)
            claims = decoded["payload"]
            if claims["exp"] - claims["iat"] > ACCESS_LIFETIME.total_seconds():
                raise Unauthenticated(_REFUSED)
            expires_at = datetime.fromtimestamp(claims["exp"], UTC)
            return Claims(UUID(claims["sub"]), UUID(claims["sid"]), expires_at), int(claims["exp"])
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired(_REFUSED) from error
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, AttributeError) as error:
            raise Unauthenticated(_REFUSED) from error

    def first_refresh_token(self) -> str:
        return _shown(secrets.token_bytes(32))

    def next_refresh_token(self, token: str) -> str:
        """The successor of a refresh token: always the same one, which only who has our secret can tell."""
        return _shown(hmac.digest(self._pepper, token.encode(), "sha256"))


def hash_of(token: str) -> bytes:
    """What is kept of a refresh token. It is random, so that a plain SHA-256 hides it."""
    return hashlib.sha256(token.encode()).digest()


def _shown(token: bytes) -> str:
    return urlsafe_b64encode(token).rstrip(b"=").decode()
