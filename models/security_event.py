"""What happened to an account, for its owner and for whoever looks after the house."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from models.columns import Json, moment, now, reference, text
from models.id import new_id

#: How long they are kept.
RETENTION: Final = timedelta(days=365)


class SecurityEventKind(StrEnum):
    """What can happen; there will be more, and Postgres is not asked whether it knows them."""

    SIGNED_UP = "SIGNED_UP"
    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    SIGN_IN_FAILED = "SIGN_IN_FAILED"
    SIGN_IN_LOCKED = "SIGN_IN_LOCKED"
    SECOND_FACTOR_FAILED = "SECOND_FACTOR_FAILED"
    SESSION_REVOKED = "SESSION_REVOKED"
    REFRESH_TOKEN_REUSED = "REFRESH_TOKEN_REUSED"
    PASSWORD_FAILED = "PASSWORD_FAILED"
    PASSWORD_LOCKED = "PASSWORD_LOCKED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    PASSWORD_RESET_REQUESTED = "PASSWORD_RESET_REQUESTED"
    PASSWORD_RESET = "PASSWORD_RESET"
    EMAIL_VERIFIED = "EMAIL_VERIFIED"
    EMAIL_CHANGE_REQUESTED = "EMAIL_CHANGE_REQUESTED"
    EMAIL_CHANGED = "EMAIL_CHANGED"
    EMAIL_LOST = "EMAIL_LOST"
    TWO_FACTOR_ENABLED = "TWO_FACTOR_ENABLED"
    TWO_FACTOR_DISABLED = "TWO_FACTOR_DISABLED"
    RECOVERY_CODE_USED = "RECOVERY_CODE_USED"
    RECOVERY_CODES_REGENERATED = "RECOVERY_CODES_REGENERATED"
    PASSKEY_ADDED = "PASSKEY_ADDED"
    PASSKEY_REMOVED = "PASSKEY_REMOVED"
    PASSKEY_CLONED = "PASSKEY_CLONED"
    IDENTITY_LINKED = "IDENTITY_LINKED"
    IDENTITY_UNLINKED = "IDENTITY_UNLINKED"
    GUEST_TAKEN_IN = "GUEST_TAKEN_IN"
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    ACCOUNT_ENABLED = "ACCOUNT_ENABLED"
    ADMINISTRATOR_MADE = "ADMINISTRATOR_MADE"
    ADMINISTRATOR_ENDED = "ADMINISTRATOR_ENDED"


class SecurityEvent(SQLModel, table=True):
    """Written once: Postgres refuses to change one, and removes it only with its user or when it is a year old."""

    __tablename__ = "security_events"
    __table_args__ = (
        Index("security_events_of_user", "user_id", "at", "id"),
        Index("security_events_by_age", "at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID = reference("users.id", ondelete="CASCADE")
    kind: str = text()
    at: datetime = moment(default_factory=now)
    ip_address: str | None = text(default=None)
    user_agent: str | None = text(default=None)
    #: What else is to be known of it: never a secret, never an address.
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
