"""Second factors: a secret that makes codes (TOTP, RFC 6238), and codes on paper for when it is lost."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, ColumnElement, ForeignKey, LargeBinary, Uuid, exists, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Field, SQLModel, col

from models.columns import moment, now, reference

RECOVERY_CODES: Final = 10


class Totp(SQLModel, table=True):
    """One a user; it counts once it is confirmed."""

    __tablename__ = "totps"

    user_id: UUID = Field(sa_column=Column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    #: Sealed, never in clear.
    secret: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = moment(default_factory=now)
    confirmed_at: datetime | None = moment(default=None)
    #: The last step of 30 s whose code was used: no code is good twice.
    last_step: int | None = Field(default=None, sa_type=BigInteger)

    @staticmethod
    def is_on(user_id: Any) -> ColumnElement[bool]:
        """That this user's sign-ins ask for a code."""
        totp = aliased(Totp)
        found = select(1).where(col(totp.user_id) == user_id, col(totp.confirmed_at).is_not(None))
        return exists(found.correlate_except(totp))


class RecoveryCode(SQLModel, table=True):
    """Good once; only its hash is kept."""

    __tablename__ = "recovery_codes"

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    user_id: UUID = reference("users.id", ondelete="CASCADE", index=True)
    made_at: datetime = moment(default_factory=now)
    used_at: datetime | None = moment(default=None)

    @staticmethod
    def left(user_id: Any) -> ColumnElement[int]:
        """How many of this user's were not used."""
        code = aliased(RecoveryCode)
        unused = select(func.count(col(code.hash))).where(col(code.user_id) == user_id, col(code.used_at).is_(None))
        return unused.correlate_except(code).scalar_subquery()
