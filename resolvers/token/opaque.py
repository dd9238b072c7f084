"""Opaque tokens: random to whoever has none, and kept as hashes."""

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from typing import Final
from uuid import UUID

from resolvers.keyring import Keyring

#: Bytes of the session's id, of what is secret, and of our seal on both.
_SESSION: Final = 16
_BODY: Final = 32
_SEAL: Final = 16
#: Characters of the three in base64.
_LENGTH: Final = 86


def opaque_token() -> str:
    """256 random bits."""
    return _shown(secrets.token_bytes(32))


def hash_of(token: str) -> bytes:
    """What is kept of a token. It is random, so that a plain SHA-256 hides it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class RefreshTokens:
    """Random, or made of the one before; sealed, so that one that is kept no more is known for ours all the same."""

    def __init__(self, keyring: Keyring) -> None:
        self._peppers = keyring.keys("refresh token")
        self._seals = keyring.keys("refresh token seal")

    def first(self, session_id: UUID) -> str:
        return _sealed(self._seals[0], session_id, secrets.token_bytes(_BODY))

    def nexts(self, token: str, session_id: UUID) -> list[str]:
        """The successor of a refresh token: always the same one, which only who has our secret can tell.

        The first is the newest secret's; the others are what it may have been before the secret was replaced, or of a
        program that had no seals yet.
        """
        bodies = [hmac.digest(pepper, token.encode(), "sha256") for pepper in self._peppers]
        sealed = [_sealed(seal, session_id, body) for seal, body in zip(self._seals, bodies, strict=True)]
        return sealed if len(token) == _LENGTH else sealed + [_shown(body) for body in bodies]

    def session_of(self, token: str) -> UUID | None:
        """The session that we made it for; None where it is none of ours."""
        if len(token) != _LENGTH or not token.isascii():
            return None
        try:
            raw = b64decode(f"{token}==", b"-_", validate=True)
        except ValueError:
            return None
        session, body = raw[:_SESSION], raw[_SESSION : _SESSION + _BODY]
        for seal in self._seals:
            if hmac.compare_digest(_sealed(seal, UUID(bytes=session), body), token):
                return UUID(bytes=session)
        return None


def _sealed(key: bytes, session_id: UUID, body: bytes) -> str:
    plain = session_id.bytes + body
    return _shown(plain + hmac.digest(key, plain, "sha256")[:_SEAL])


def _shown(token: bytes) -> str:
    return urlsafe_b64encode(token).rstrip(b"=").decode()
