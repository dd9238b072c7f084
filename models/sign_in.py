"""Sign-ins that wait for their next step."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from models.columns import moment, now, one_of, reference, text
from models.id import new_id

#: From the first step to the last.
LIFETIME: Final = timedelta(minutes=15)
#: Answers that may be wrong before the sign-in has to begin anew.
TRIES: Final = 5
#: How many may wait for one user; one more ends the oldest.
WAITING_LIMIT: Final = 20


class Proof(StrEnum):
    """What somebody came in with, at the first step."""

    PASSWORD = "PASSWORD"
    IDENTITY = "IDENTITY"
    PASSKEY = "PASSKEY"
    RESET = "RESET"
    #: Nothing: a guest is whoever comes in.
    GUEST = "GUEST"


class ChallengeKind(StrEnum):
    """What the next step asks for."""

    TOTP = "TOTP"
    NEW_PASSWORD = "NEW_PASSWORD"
    VERIFY_EMAIL = "VERIFY_EMAIL"


class SignIn(SQLModel, table=True):
    """Between two steps. Its token is kept as a hash, and replaced by each step."""

    __tablename__ = "sign_ins"
    __table_args__ = (one_of("proof", Proof), one_of("due", ChallengeKind))

    id: UUID = Field(default_factory=new_id, primary_key=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    user_id: UUID = reference("users.id", ondelete="CASCADE", index=True)
    proof: str = text()
    #: What this waits for.
    due: str = text()
    second_factor_passed: bool = False
    tries: int = 0
    device_name: str | None = text(default=None)
    device_platform: str | None = text(default=None)
    #: Whether the refresh token goes into a cookie.
    uses_cookie: bool = False
    #: Whose session it began over, to be taken in at its end.
    guest_id: UUID | None = reference("users.id", ondelete="SET NULL", nullable=True, index=True)
    guest_session_id: UUID | None = reference("sessions.id", ondelete="CASCADE", nullable=True, index=True)
    created_at: datetime = moment(default_factory=now)
    expires_at: datetime = moment(index=True)
