"""Sessions: one a device, from sign-in to sign-out."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from models.columns import flag, moment, now, one_of, reference, text
from models.id import new_id

ACCESS_LIFETIME: Final = timedelta(minutes=15)
#: How many a user may have; one more ends the one that was used longest ago.
SESSIONS_LIMIT: Final = 100
#: Unless a house has other rules: how long a session is kept without being refreshed, and however often it was.
REFRESH_LIFETIME: Final = timedelta(days=60)
SESSION_LIFETIME: Final = timedelta(days=365)
#: How long the same refresh token may be sent again by a client that did not get the answer.
REFRESH_GRACE: Final = timedelta(seconds=10)
#: How long the row of a used token is kept, which the grace needs; its seal tells that it was used ever after.
USED_FOR: Final = timedelta(days=1)
#: How long a session that has ended is kept, for whoever looks after the house.
ENDED_FOR: Final = timedelta(days=30)


class DevicePlatform(StrEnum):
    APPLE = "APPLE"
    ANDROID = "ANDROID"
    DESKTOP = "DESKTOP"
    OTHER = "OTHER"


class Session(SQLModel, table=True):
    __tablename__ = "sessions"
    __table_args__ = (
        one_of("device_platform", DevicePlatform),
        # What every process follows, to know which tokens are dead before they expire.
        Index("sessions_revoked", "revoked_at", postgresql_where=sql("revoked_at IS NOT NULL")),
        Index("sessions_of_user", "user_id", "id", postgresql_where=sql("revoked_at IS NULL")),
        Index("sessions_by_end", "expires_at"),
        # Those that have ended too: they go with their user.
        Index("sessions_by_user", "user_id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID = reference("users.id", ondelete="CASCADE")
    device_name: str | None = text(default=None)
    device_platform: str | None = text(default=None)
    ip_address: str | None = text(default=None)
    user_agent: str | None = text(default=None)
    created_at: datetime = moment(default_factory=now)
    last_seen_at: datetime = moment(default_factory=now)
    expires_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None)
    #: Whether its refresh token lives in a browser's HttpOnly cookie.
    uses_cookie: bool = flag()


class RefreshToken(SQLModel, table=True):
    """Only the hash of a token is kept; used ones stay for a while, so that a retry is told from a second use."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index("refresh_tokens_used", "used_at", postgresql_where=sql("used_at IS NOT NULL")),)

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    session_id: UUID = reference("sessions.id", ondelete="CASCADE", index=True)
    issued_at: datetime = moment(default_factory=now)
    used_at: datetime | None = moment(default=None)
