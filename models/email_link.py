"""Links that were mailed: each good once, for one thing, for a time."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from models.columns import moment, now, one_of, reference, text


class Purpose(StrEnum):
    VERIFY = "VERIFY"
    CHANGE = "CHANGE"
    RESET = "RESET"


LIFETIMES: Final = {
    Purpose.VERIFY: timedelta(hours=24),
    Purpose.CHANGE: timedelta(hours=24),
    Purpose.RESET: timedelta(hours=2),
}


class EmailLink(SQLModel, table=True):
    """Only the hash of its token is kept. A newer one for the same thing ends the older ones."""

    __tablename__ = "email_links"
    __table_args__ = (one_of("purpose", Purpose), Index("email_links_of_user", "user_id", "purpose", "made_at"))

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    user_id: UUID = reference("users.id", ondelete="CASCADE")
    purpose: str = text()
    #: The address that it was sent to, and that it is about.
    email: str = text()
    made_at: datetime = moment(default_factory=now)
    expires_at: datetime = moment(index=True)
    used_at: datetime | None = moment(default=None)
