"""An authenticator in software: it keeps passkeys and signs with them, and tells whatever lies a test wants."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

ES256: Final = -7
EDDSA: Final = -8
RS256: Final = -257
#: Bits of authenticator data's flags.
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40

Key = ec.EllipticCurvePrivateKey | Ed25519PrivateKey | rsa.RSAPrivateKey


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def made_key(algorithm: int) -> Key:
    if algorithm == EDDSA:
        return Ed25519PrivateKey.generate()
    if algorithm == RS256:
        return rsa.generate_private_key(65_537, 2_048)
    return ec.generate_private_key(ec.SECP256R1())


def cose(key: Key) -> dict[int, Any]:
    """The public key (RFC 9053)."""
    if isinstance(key, Ed25519PrivateKey):
        return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {1: 3, 3: RS256, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)}
    point = key.public_key().public_numbers()
    return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}


def signed(key: Key, data: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), SHA256())
    return key.sign(data, ec.ECDSA(SHA256()))


@dataclass
class SoftwareKey:
    """One passkey, as the page at `origin` uses it. It counts its uses unless `count` is 0 and stays so."""

    origin: str
    algorithm: int = ES256
    counts: bool = True
    count: int = 0
    id: bytes = field(default_factory=lambda: os.urandom(20))
    user_handle: bytes = b""
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        self.key = made_key(self.algorithm)

    def create(self, options: dict[str, Any], *, statement: dict[str, Any] | None = None, **lies: Any) -> Any:
        """What a browser gives after `navigator.credentials.create`; `lies` are of `_data` and `_client`."""
        self.user_handle = decoded(options["user"]["id"])
        public_key = lies.pop("public_key", cose(self.key))
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + encode_cbor(public_key)
        data = self._data(options["rp"]["id"], lies, ATTESTED) + lies.pop("attested", attested)
        response = {
            "clientDataJSON": encoded(self._client("webauthn.create", options, lies)),
            "attestationObject": encoded(
                encode_cbor(
                    statement | {"authData": data} if statement else {"fmt": "none", "attStmt": {}, "authData": data}
                )
            ),
            "transports": lies.pop("transports", ["internal", "hybrid"]),
        }
        assert not lies, lies
        return self._shown(response)

    def get(self, options: dict[str, Any], **lies: Any) -> Any:
        """What it gives after `navigator.credentials.get`."""
        if self.counts:
            self.count += 1
        data = self._data(options["rpId"], lies)
        client = self._client("webauthn.get", options, lies)
        response = {
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(data),
            "signature": encoded(lies.pop("signature", signed(self.key, data + sha256(client).digest()))),
            "userHandle": encoded(lies.pop("user_handle", self.user_handle)),
        }
        assert not lies, lies
        return self._shown(response)

    def _shown(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": encoded(self.id),
            "rawId": encoded(self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }

    def _data(self, domain: str, lies: dict[str, Any], more: int = 0) -> bytes:
        flags = lies.pop("flags", PRESENT | VERIFIED) | more
        domain, count = lies.pop("domain", domain), lies.pop("count", self.count)
        return sha256(domain.encode()).digest() + bytes([flags]) + int(count).to_bytes(4)

    def _client(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
        return json.dumps(
            {
                "type": lies.pop("kind", kind),
                "challenge": lies.pop("challenge", options["challenge"]),
                "origin": lies.pop("origin", self.origin),
                "crossOrigin": lies.pop("cross_origin", False),
            }
        ).encode()
