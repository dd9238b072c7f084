"""Who belongs to a book, and as what."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from models.columns import moment, now, one_of, reference, text
from models.id import new_id


class Role(StrEnum):
    OWNER = "OWNER"
    EDITOR = "EDITOR"
    CONTRIBUTOR = "CONTRIBUTOR"
    VIEWER = "VIEWER"

    def includes(self, other: "Role") -> bool:
        """Whether one who has this role may do what the other may."""
        return _RANK[self] >= _RANK[other]


_RANK = {Role.VIEWER: 0, Role.CONTRIBUTOR: 1, Role.EDITOR: 2, Role.OWNER: 3}


class Member(SQLModel, table=True):
    __tablename__ = "members"
    __table_args__ = (
        UniqueConstraint("book_id", "user_id"),
        one_of("role", Role),
        Index("members_of_user", "user_id", "book_id"),
        Index("members_that_own", "book_id", "owner_since", postgresql_where=sql("role = 'OWNER'")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    book_id: UUID = reference("books.id", ondelete="CASCADE")
    user_id: UUID = reference("users.id", ondelete="CASCADE")
    role: str = text()
    #: Since when they are OWNER; the one for longest is called the book's owner.
    owner_since: datetime | None = moment(default=None)
    joined_at: datetime = moment(default_factory=now)

    def becomes(self, role: Role, at: datetime) -> None:
        self.role = role
        self.owner_since = (self.owner_since or at) if role is Role.OWNER else None
