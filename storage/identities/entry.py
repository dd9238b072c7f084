"""One provider, as whoever runs the house has written it down."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from storage.identities.address import is_reachable

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_USUAL: Final = ("openid", "profile", "email")
_NEEDED: Final = {"name", "issuer", "client_id"}
_KNOWN: Final = _NEEDED | {"client_secret", "label", "scopes", "trusts_email"}
_LENGTH: Final = 2_000
#: Of the whole file, in bytes, and of providers in it.
_SIZE: Final = 2**20
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """`issuer` is the URL under which its discovery lies, of Keycloak the realm's. Without a secret we are public."""

    name: str
    issuer: str
    client_id: str
    label: str
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = _USUAL
    trusts_email: bool = False

    @classmethod
    def read(cls, given: Any) -> Self:
        """Raises ValueError, whose words never repeat what was given beside names."""
        if not isinstance(given, dict):
            raise ValueError("each is an object with name, issuer, client_id and client_secret")
        if unknown := sorted(given.keys() - _KNOWN):
            raise ValueError(f"unknown key {', '.join(unknown)}")
        if missing := sorted(_NEEDED - given.keys()):
            raise ValueError(f"{', '.join(missing)} missing")
        name = _line(given, "name")
        if not _NAME.fullmatch(name):
            raise ValueError("a name has 1 to 50 small letters, digits and hyphens")
        issuer = _line(given, "issuer").rstrip("/")
        if not is_reachable(issuer, http=True) or "?" in issuer:
            raise ValueError(f"{name}: the issuer is an https address (http on this machine alone), without a query")
        trusts_email = given.get("trusts_email", False)
        if not isinstance(trusts_email, bool):
            raise ValueError(f"{name}: trusts_email is true or false")
        return cls(
            name=name,
            issuer=issuer,
            client_id=_line(given, "client_id"),
            label=_line(given, "label") if "label" in given else name,
            client_secret=_line(given, "client_secret") if "client_secret" in given else None,
            scopes=_scopes(given.get("scopes", list(_USUAL))),
            trusts_email=trusts_email,
        )


def entries_of(text: str) -> tuple[Entry, ...]:
    """From a list in JSON, or from the file of this name that holds one. Raises ValueError."""
    try:
        given = json.loads(text if text.lstrip().startswith(("[", "{")) else _file(text))
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON (line {error.lineno}, column {error.colno})") from None
    if not isinstance(given, list) or len(given) > _MOST:
        raise ValueError(f"it is a list of at most {_MOST} providers")
    entries = tuple(Entry.read(each) for each in given)
    for what, all_ in (("name", [each.name for each in entries]), ("issuer", [each.issuer for each in entries])):
        if twice := sorted({each for each in all_ if all_.count(each) > 1}):
            raise ValueError(f"two providers have the {what} {twice[0]}")
    return entries


def _file(name: str) -> str:
    try:
        with Path(name.strip()).open("rb") as file:
            return file.read(_SIZE).decode()
    except (OSError, ValueError) as error:
        raise ValueError(f"it is a list in JSON or the name of a file, and {name.strip()} cannot be read") from error


def _line(given: Mapping[str, Any], key: str) -> str:
    value = given[key]
    if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value) <= _LENGTH:
        raise ValueError(f"{key} is a text of 1 to {_LENGTH} characters")
    return value


def _scopes(given: Any) -> tuple[str, ...]:
    given = given.split() if isinstance(given, str) else given
    if not isinstance(given, list) or not all(isinstance(each, str) and _SCOPE.fullmatch(each) for each in given):
        raise ValueError("scopes are a list of words")
    # Without it, it would not be OpenID Connect.
    return tuple(dict.fromkeys(["openid", *given]))
