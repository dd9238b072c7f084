"""Invitations: to an address, whether it belongs to a user or not."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel, col

from models.columns import moment, now, one_of, reference, text
from models.id import new_id
from models.member import Role
from models.user import same_address

LIFETIME: Final = timedelta(days=14)
INVITATIONS_LIMIT: Final = 200


class Invitation(SQLModel, table=True):
    __tablename__ = "invitations"
    __table_args__ = (
        one_of("role", Role),
        Index(
            "invitations_are_one",
            "book_id",
            sql("casefold(email COLLATE pg_unicode_fast)"),
            unique=True,
            postgresql_where=sql("accepted_at IS NULL"),
        ),
        Index("invitations_of_book", "book_id"),
        Index("invitations_by_sender", "invited_by"),
        Index("invitations_by_address", sql("casefold(email COLLATE pg_unicode_fast)")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    book_id: UUID = reference("books.id", ondelete="CASCADE")
    email: str = text()
    role: str = text()
    invited_by: UUID | None = reference("users.id", ondelete="SET NULL", nullable=True)
    created_at: datetime = moment(default_factory=now)
    expires_at: datetime = moment()
    #: Kept after it was accepted, so that accepting can be repeated.
    accepted_at: datetime | None = moment(default=None)

    @staticmethod
    def is_for(email: Any, invitation: Any = None) -> ColumnElement[bool]:
        """That it is to this address (text, or SQL for one), whatever the capitals of either."""
        return same_address(col((invitation or Invitation).email), email)

    @staticmethod
    def is_open(at: Any, invitation: Any = None) -> ColumnElement[bool]:
        """That it can be accepted at this moment (or SQL for one)."""
        invitation = invitation or Invitation
        return and_(col(invitation.accepted_at).is_(None), col(invitation.expires_at) > at)
