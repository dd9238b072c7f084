"""What a provider says of somebody, as far as it can be kept."""

from collections.abc import Mapping
from typing import Any, Final

from storage.identities.provider import Person

#: Characters of a claim that is looked at.
_LENGTH: Final = 500


def person_of(issuer: str, claims: Mapping[str, Any]) -> Person:
    names = (_text(claims, name) for name in ("name", "preferred_username", "nickname", "given_name"))
    return Person(
        issuer=issuer,
        subject=claims["sub"],
        email=_text(claims, "email"),
        # Some say it as a text.
        email_verified=claims.get("email_verified") in (True, "true"),
        names=tuple(name for name in names if name is not None),
        locale=_text(claims, "locale"),
    )


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    """What can be kept: one line, and no half of a letter."""
    claim = claims.get(name)
    return claim if isinstance(claim, str) and claim.isprintable() and 1 <= len(claim) <= _LENGTH else None
