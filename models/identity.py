"""Logins at other providers, and the ways there that somebody has set out on."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Column, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import moment, now, reference, text
from models.id import new_id

IDENTITIES_LIMIT: Final = 20
#: From leaving for the provider to coming back.
REQUEST_LIFETIME: Final = timedelta(minutes=10)


class Identity(SQLModel, table=True):
    """Linked by issuer and subject, which alone a provider promises not to give to anybody else."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject", name="identities_are_one"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID = reference("users.id", ondelete="CASCADE", index=True)
    #: The name in our settings.
    provider: str = text()
    issuer: str = text()
    subject: str = text()
    #: What its user knows it by: an address, or a name.
    label: str = text()
    created_at: datetime = moment(default_factory=now)
    last_used_at: datetime | None = moment(default=None)


class IdentityRequest(SQLModel, table=True):
    """By the hash of its `state`; gone with the first answer."""

    __tablename__ = "identity_requests"

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    provider: str = text()
    redirect_uri: str = text()
    #: The nonce and the PKCE verifier, sealed.
    secrets: bytes = Field(sa_type=LargeBinary)
    #: Who links an identity to their account; nobody signs in with it then.
    user_id: UUID | None = reference("users.id", ondelete="CASCADE", nullable=True, index=True)
    session_id: UUID | None = reference("sessions.id", ondelete="CASCADE", nullable=True, index=True)
    expires_at: datetime = moment(index=True)
