"""Ids: what a row is called outside and inside."""

import os
import re
import time
from uuid import UUID

_OUTSIDE = re.compile(r"(?P<kind>[a-z]{2})_(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\Z")


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562, 5.7): later ones sort later, which keeps the indexes' pages warm."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    number = number & ~(0xF << 76) | 0x7 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)


def outside(kind: str, id: UUID) -> str:
    """The id that clients see: two letters for the kind of thing, and its UUID."""
    return f"{kind}_{id}"


def inside(kind: str, id: str) -> UUID | None:
    """The UUID of an id that clients see; None when it is no id of that kind."""
    match = _OUTSIDE.match(id)
    return UUID(match["id"]) if match and match["kind"] == kind else None


def kind_of(id: str) -> str | None:
    """The two letters before the UUID; None when it is no id at all."""
    match = _OUTSIDE.match(id)
    return match["kind"] if match else None


def client_id(text: str) -> UUID | None:
    """A UUID that a client chose, which the contract wants in lower case; None when it is not one."""
    return inside("el", f"el_{text}")
