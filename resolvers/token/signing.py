"""The keys that sign access tokens, by their ids."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from resolvers.keyring import Keyring

#: Bytes of a key's id.
_ID: Final = 9


class Algorithm(StrEnum):
    HS256 = "HS256"
    EDDSA = "EdDSA"


@dataclass(frozen=True, slots=True)
class Key:
    """A key is for one algorithm alone, whatever a token says that it was signed with."""

    id: str
    algorithm: Algorithm
    signing: Any = field(repr=False)
    verifying: Any = field(repr=False)


class SigningKeys:
    """All are made of the program's secrets: the newest one's for the chosen algorithm signs, any of them verifies."""

    def __init__(self, keyring: Keyring, algorithm: Algorithm = Algorithm.HS256) -> None:
        shared = [_shared(key) for key in keyring.keys("access token")]
        paired = [_paired(seed) for seed in keyring.keys("access token EdDSA")]
        self.newest = (paired if algorithm == Algorithm.EDDSA else shared)[0]
        # Both, so that those of before a change of the algorithm are good until they expire.
        self._by_id = {key.id: key for key in (*shared, *paired)}
        #: Of tokens that name none, as before keys had ids.
        self._unnamed = tuple(shared)
        self._paired = paired

    def of(self, id: str | None) -> tuple[Key, ...]:
        """The keys that may have signed what names this one."""
        if id is None:
            return self._unnamed
        key = self._by_id.get(id)
        return () if key is None else (key,)

    def published(self) -> dict[str, Any]:
        """The public keys as a JWK set (RFC 7517, RFC 8037)."""
        return {"keys": [_jwk(key) for key in self._paired]}


def _shared(secret: bytes) -> Key:
    id = _shown(hmac.digest(secret, b"kid", "sha256")[:_ID])
    return Key(id, Algorithm.HS256, secret, secret)


def _paired(seed: bytes) -> Key:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key()
    id = _shown(hashlib.sha256(public.public_bytes_raw()).digest()[:_ID])
    return Key(id, Algorithm.EDDSA, private, public)


def _jwk(key: Key) -> dict[str, Any]:
    public: Ed25519PublicKey = key.verifying
    x = _shown(public.public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "alg": key.algorithm.value, "use": "sig", "kid": key.id, "x": x}


def _shown(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
