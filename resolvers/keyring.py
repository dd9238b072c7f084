"""Keys: all made of the program's secret, one for each thing that it is used for."""

import hmac
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12
#: Bytes of a key's name in what it sealed.
_NAME: Final = 4


class Unreadable(Exception):
    """Sealed by a secret that we no longer have, or for somebody else, or altered."""


class Keyring:
    """`former` are secrets that were replaced: what they made is still good, and nothing new is made with them."""

    def __init__(self, secret: str, former: Sequence[str] = ()) -> None:
        self._secrets = [one.encode() for one in (secret, *former)]

    def key(self, purpose: str) -> bytes:
        """32 bytes (HMAC-SHA256 of the purpose under the secret)."""
        return self.keys(purpose)[0]

    def keys(self, purpose: str) -> list[bytes]:
        """The key, and those that it has replaced, newest first."""
        return [hmac.digest(secret, purpose.encode(), "sha256") for secret in self._secrets]

    def seal(self, purpose: str, plain: bytes, about: bytes) -> bytes:
        """AES-256-GCM. It opens for the same purpose and the same `about` (whose it is) alone."""
        key, nonce = self.key(purpose), os.urandom(_NONCE)
        return _name(key) + nonce + AESGCM(key).encrypt(nonce, plain, about)

    def open(self, purpose: str, sealed: bytes, about: bytes) -> bytes:
        """Raises Unreadable."""
        name, nonce, text = sealed[:_NAME], sealed[_NAME : _NAME + _NONCE], sealed[_NAME + _NONCE :]
        for key in self.keys(purpose):
            if _name(key) == name:
                try:
                    return AESGCM(key).decrypt(nonce, text, about)
                except (InvalidTag, ValueError):
                    break
        raise Unreadable

    def hash(self, purpose: str, text: str) -> bytes:
        """HMAC-SHA256: without our secret nobody can try what the text may have been."""
        return hmac.digest(self.key(purpose), text.encode("utf-8", "surrogatepass"), "sha256")


def _name(key: bytes) -> bytes:
    return hmac.digest(key, b"name", "sha256")[:_NAME]
