"""ID tokens: believed once all of OpenID Connect Core 1.0, 3.1.3.7, has been looked at."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from jwt.algorithms import get_default_algorithms

from storage.identities.discovery import Discovery
from storage.identities.provider import Denied

#: Between the provider's clock and ours.
LEEWAY: Final = timedelta(seconds=30)
#: Since it was issued, which happens when it is fetched.
AGE: Final = timedelta(minutes=10)
#: Of a subject (Core 1.0, section 2).
_SUBJECT: Final = 255
_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
UNTRUSTED: Final = "What the provider said cannot be trusted. Begin anew."

Key = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be in it."""

    discovery: Discovery
    client_id: str
    nonce: str = field(repr=False)
    access_token: str | None = field(repr=False)


class UnknownKey(Exception):
    """The provider may have a new one."""


def verified(token: str, keys: Sequence[Key], expected: Expected, now: datetime) -> dict[str, Any]:
    """Its claims. Raises UnknownKey, and Denied for whatever else is wrong with it."""
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in expected.discovery.algorithms:
            raise Denied(UNTRUSTED)
        claims = jwt.decode(
            token,
            jwt.PyJWK(_key(keys, algorithm, header.get("kid")), algorithm=algorithm),
            algorithms=[algorithm],
            audience=expected.client_id,
            issuer=expected.discovery.issuer,
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
        )
    except jwt.InvalidSignatureError:
        # Some change their key without telling it by a name.
        raise UnknownKey from None
    except (jwt.PyJWTError, ValueError, TypeError):
        # Its words would repeat parts of the token.
        raise Denied(UNTRUSTED) from None
    if not _is_ours(claims, expected) or not _is_new(claims, now) or not _goes_with(claims, algorithm, expected):
        raise Denied(UNTRUSTED)
    return claims


def _key(keys: Sequence[Key], algorithm: str, name: Any) -> Key:
    """The one key that can have made it: one that is not named has to be alone."""
    found = [
        key
        for key in keys
        if key.get("kty") == _TYPES[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (name is None or key.get("kid") == name)
    ]
    if not found:
        raise UnknownKey
    if len(found) > 1:
        raise Denied(UNTRUSTED)
    return found[0]


def _is_ours(claims: dict[str, Any], expected: Expected) -> bool:
    audience, party, nonce, subject = claims["aud"], claims.get("azp"), claims["nonce"], claims["sub"]
    is_for_us = party == expected.client_id if party is not None else isinstance(audience, str) or len(audience) == 1
    is_named = isinstance(subject, str) and subject.isascii() and subject.isprintable()
    return (
        is_for_us
        and isinstance(nonce, str)
        and hmac.compare_digest(nonce.encode("utf-8", "replace"), expected.nonce.encode())
        and is_named
        and 1 <= len(subject) <= _SUBJECT
    )


def _is_new(claims: dict[str, Any], now: datetime) -> bool:
    issued = claims["iat"]
    return isinstance(issued, int | float) and now.timestamp() - issued <= (AGE + LEEWAY).total_seconds()


def _goes_with(claims: dict[str, Any], algorithm: str, expected: Expected) -> bool:
    """That the access token beside it is the one that it was made with, where it says so."""
    told = claims.get("at_hash")
    if told is None or expected.access_token is None:
        return True
    if algorithm == "EdDSA":
        # No standard says of what it is the half.
        return True
    digest = get_default_algorithms()[algorithm].compute_hash_digest(expected.access_token.encode())
    half = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    return isinstance(told, str) and hmac.compare_digest(told.encode("utf-8", "replace"), half)
