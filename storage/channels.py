"""The names of what is broadcast. A message is a hint that there is more to read; the truth is in Postgres."""

from typing import Final
from uuid import UUID

#: Carries the ids of sessions that were revoked, separated by commas.
REVOCATIONS: Final = "sessions"
_BOOK: Final = "book:"
_USER: Final = "user:"


def book_channel(book_id: UUID) -> str:
    """Carries `epoch:seq` of the book's last change."""
    return f"{_BOOK}{book_id}"


def user_channel(user_id: UUID) -> str:
    """Carries the id of a book that is new, changed or gone in somebody's list; empty for all of it."""
    return f"{_USER}{user_id}"


def book_of(channel: str) -> UUID | None:
    """The book that a channel is about, if it is about one."""
    return UUID(channel.removeprefix(_BOOK)) if channel.startswith(_BOOK) else None


def book_named(message: str) -> UUID | None:
    """The book that a message on somebody's channel is about; None for all of them, and for what we cannot read."""
    try:
        return UUID(message)
    except ValueError:
        return None
