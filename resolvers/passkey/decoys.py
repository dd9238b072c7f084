"""Passkeys that nobody has: so that nobody learns who has an account, or a passkey of it."""

import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

from resolvers.keyring import Keyring
from resolvers.passkey.options import Descriptor

#: Of 256 accounts those with two passkeys or more, and with three: few people have several.
_TWO: Final = 64
_THREE: Final = 20
#: How long the ids of widely used authenticators are, and how these are reached.
_SHAPES: Final = (
    (20, ("hybrid", "internal")),
    (16, ("hybrid", "internal")),
    (32, ("internal",)),
    (20, ("hybrid", "internal")),
)


def decoys(keyring: Keyring, email: str) -> list[Descriptor]:
    """As many as people have, and the same each time for the same address."""
    folded = email.casefold()
    [choice] = _hash(keyring, "passkey decoys' count", folded)[:1]
    count = 1 + (choice < _TWO) + (choice < _THREE)
    return [_decoy(keyring, f"{number} {folded}") for number in range(count)]


def _decoy(keyring: Keyring, named: str) -> Descriptor:
    [choice] = _hash(keyring, "passkey decoy's shape", named)[:1]
    length, transports = _SHAPES[choice % len(_SHAPES)]
    return Descriptor(_hash(keyring, "passkey decoy", named)[:length], transports)


def _hash(keyring: Keyring, purpose: str, text: str) -> bytes:
    """By the oldest key: a passkey that is somebody's does not change when a new secret comes."""
    return hmac.digest(keyring.keys(purpose)[-1], text.encode(), "sha256")


def _unused_key() -> bytes:
    """In COSE: ES256."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return encode_cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})


#: What an unknown passkey is compared with, so that it takes as long as a known one.
KEY_OF_NOBODY: Final = _unused_key()
