"""What refers to people, found from the foreign keys, and what becomes of it when they are no more."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, or_

from models import SQLModel

#: What goes with its user: ways in, and what is written of them. It is never another's: whoever plants a guest's
#: session on a device must not get a way into the account that signs in there.
GOES: Final = frozenset(
    {
        "email_links.user_id",
        "identities.user_id",
        "identity_requests.user_id",
        "passkey_challenges.user_id",
        "passkeys.user_id",
        "recovery_codes.user_id",
        "security_events.user_id",
        "sessions.user_id",
        "sign_ins.guest_id",
        "sign_ins.user_id",
        "totps.user_id",
    }
)
#: What they made and where they belong: another's, where there is one, and nobody's or gone where there is none.
MOVES: Final = frozenset(
    {
        "batches.user_id",
        "books.created_by",
        "elements.created_by",
        "elements.updated_by",
        "events.actor_id",
        "images.uploader_id",
        "invitation_tokens.sent_by",
        "invitations.invited_by",
        "members.user_id",
    }
)


@dataclass(frozen=True, slots=True)
class Belonging:
    """A table, and the columns of it that say whose its rows are."""

    table: Table
    columns: tuple[Column[Any], ...]

    def of(self, user_id: Any) -> ColumnElement[bool]:
        return or_(*(column == user_id for column in self.columns))


def references() -> list[Column[Any]]:
    """All columns that refer to people, whatever tables there are."""
    key = SQLModel.metadata.tables["users"].c.id
    tables = SQLModel.metadata.sorted_tables
    return [column for table in tables for column in table.columns if column.references(key)]


@cache
def belongings() -> tuple[Belonging, ...]:
    """What is not said to go, so that nothing is lost of a table that nobody has thought of here."""
    columns: dict[Table, list[Column[Any]]] = {}
    for column in references():
        if str(column) not in GOES:
            columns.setdefault(column.table, []).append(column)
    return tuple(Belonging(table, tuple(own)) for table, own in columns.items())
