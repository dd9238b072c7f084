"""Codes: what a secret makes of the time (TOTP, RFC 6238), and those on paper."""

import secrets
from base64 import b32encode
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from models.factor import RECOVERY_CODES

ISSUER: Final = "Leporello"
#: Bytes of a secret, as RFC 4226 (section 4, R6) recommends.
_SECRET: Final = 20
_DIGITS: Final = 6
#: Seconds that a code is shown.
_STEP: Final = 30
# Of all that RFC 6238 allows, what every authenticator can do.
_HASH: Final = SHA1()  # noqa: S303
#: Steps by which the clock of whoever makes the codes may be off.
_LEEWAY: Final = 1
#: No code is longer, however it is spaced.
_LONGEST: Final = 64
#: Crockford's base 32, in which nothing is easily taken for something else.
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_MISREAD: Final = str.maketrans("ilo", "110")
#: Groups of four characters: 80 bits.
_GROUPS: Final = 4


def new_secret() -> bytes:
    return secrets.token_bytes(_SECRET)


def shown_secret(secret: bytes) -> str:
    """In base 32, for typing it in."""
    return b32encode(secret).decode()


def uri_of(secret: bytes, account: str) -> str:
    """What a QR code shows to an authenticator."""
    return TOTP(secret, _DIGITS, _HASH, _STEP).get_provisioning_uri(account, ISSUER)


def step_of(secret: bytes, code: str, at: datetime, after: int | None) -> int | None:
    """The step of 30 s whose code this is, now or nearly; None for any other, or one not after the last one used."""
    hotp, now, found = HOTP(secret, _DIGITS, _HASH), int(at.timestamp()) // _STEP, None
    for step in range(now - _LEEWAY, now + _LEEWAY + 1):
        # All are compared, so that the time taken says nothing.
        if constant_time.bytes_eq(hotp.generate(step), code.encode()) and (after is None or step > after):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(RECOVERY_CODES)]


def plain(code: str) -> str:
    """Without what people put between and make of its characters; empty for what is much too long."""
    kept = "" if len(code) > _LONGEST else "".join(each for each in code if each.isascii() and each.isalnum())
    return kept.lower()


def is_totp(plain: str) -> bool:
    return len(plain) == _DIGITS and plain.isdigit()


def recovery_code_of(plain: str) -> str | None:
    """As it is hashed, with letters that were misread put right; None for what is none."""
    read = plain.translate(_MISREAD)
    return read if len(read) == 4 * _GROUPS and set(read) <= set(_ALPHABET) else None


def hash_of(user_id: UUID, code: str) -> bytes:
    """What is kept of a user's recovery code: it has 80 random bits, so that a plain SHA-256 hides it."""
    return sha256(user_id.bytes + code.encode()).digest()


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(4))
