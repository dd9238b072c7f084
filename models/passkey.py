"""Passkeys (WebAuthn, level 3), and the challenges that they sign."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, LargeBinary, Text
from sqlmodel import Field, SQLModel

from models.columns import moment, now, reference, text
from models.id import new_id

PASSKEYS_LIMIT: Final = 20
CHALLENGE_LIFETIME: Final = timedelta(minutes=5)


class Passkey(SQLModel, table=True):
    __tablename__ = "passkeys"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID = reference("users.id", ondelete="CASCADE", index=True)
    credential_id: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    #: As COSE has it.
    public_key: bytes = Field(sa_type=LargeBinary)
    sign_count: int = Field(default=0, sa_type=BigInteger)
    transports: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    name: str = text()
    created_at: datetime = moment(default_factory=now)
    last_used_at: datetime | None = moment(default=None)
    #: It was used as only a copy of it would be, and is no good since.
    suspended_at: datetime | None = moment(default=None)


class PasskeyChallenge(SQLModel, table=True):
    """Asked once, and gone with its answer. Of nobody yet where it is to sign in with."""

    __tablename__ = "passkey_challenges"

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    user_id: UUID | None = reference("users.id", ondelete="CASCADE", nullable=True, index=True)
    session_id: UUID | None = reference("sessions.id", ondelete="CASCADE", nullable=True, index=True)
    expires_at: datetime = moment(index=True)
