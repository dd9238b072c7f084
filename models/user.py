"""People."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Index, Text, and_, cast, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped
from sqlmodel import Field, SQLModel, col

from models.columns import flag, moment, now, one_of, text
from models.id import new_id
from models.line import checked_line
from models.refusal import BadUserInput, Invalid

NAME_LENGTH: Final = 100
#: Of an address, as RFC 5321 leaves room for it.
EMAIL_LENGTH: Final = 254
PASSWORD_LENGTH: Final = (8, 512)


class Language(StrEnum):
    EN = "EN"
    FR = "FR"
    NL = "NL"
    TH = "TH"


class User(SQLModel, table=True):
    """A person with an account, or a guest. One confirmed owner an address, whatever its capitals."""

    __tablename__ = "users"
    __table_args__ = (
        # The builtin collation knows the capitals of every script, on every machine alike. Who has not confirmed an
        # address cannot keep it from whoever can.
        Index(
            "users_confirmed_email_is_one",
            sql("casefold(email COLLATE pg_unicode_fast)"),
            unique=True,
            postgresql_where=sql("email_verified_at IS NOT NULL"),
        ),
        Index("users_by_email", sql("casefold(email COLLATE pg_unicode_fast)")),
        Index("users_that_are_guests", "id", postgresql_where=sql("is_guest")),
        one_of("language", Language),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = text()
    email: str | None = text(default=None)
    password_hash: str | None = text(default=None)
    language: str = text(default=Language.EN)
    is_guest: bool = False
    email_verified_at: datetime | None = moment(default=None)
    #: Nobody gets in any more, by whatever way; all sessions have ended.
    disabled_at: datetime | None = moment(default=None)
    #: The password was chosen by somebody else: the next sign-in with it asks for a new one.
    password_is_temporary: bool = flag()
    #: Has all permissions, while it is not disabled.
    is_administrator: bool = flag()
    created_at: datetime = moment(default_factory=now)

    @staticmethod
    def has(email: str) -> ColumnElement[bool]:
        """That the row's address is this one, whatever the capitals of either."""
        return same_address(col(User.email), email)

    @staticmethod
    def owns(email: Any, user: Any = None) -> ColumnElement[bool]:
        """That the row's address is this one (text, or SQL for one), and confirmed: of one row at most."""
        user = user or User
        return and_(same_address(col(user.email), email), col(user.email_verified_at).is_not(None))

    @staticmethod
    def is_named(part: Any, user: Any = None) -> ColumnElement[bool]:
        """That this (text, or SQL for one) is a part of the row's name, whatever the capitals of either."""
        return func.strpos(_folded(col((user or User).name)), _folded(cast(part, Text))) > 0


def same_address(column: Mapped[Any], email: Any) -> ColumnElement[bool]:
    return _folded(column) == _folded(cast(email, Text))


def _folded(text: Any) -> ColumnElement[str]:
    return func.casefold(text.collate("pg_unicode_fast"))


def checked_email(email: str, *path: str) -> str:
    """The address as it is kept, with its own capitals. Raises Invalid for what is none."""
    email = email.strip()
    # Measured before it is parsed: that takes 200 ms for a megabyte, while everybody waits.
    if len(email) > EMAIL_LENGTH:
        raise Invalid("That is not an e-mail address.", *path)
    try:
        return validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Invalid("That is not an e-mail address.", *path) from error


def checked_name(name: str, *path: str) -> str:
    """Raises Invalid for a name that is empty, too long or no line."""
    return checked_line(name, "A name", NAME_LENGTH, *path)


def checked_part(name: str) -> str:
    """What is looked for in names. Raises BadUserInput for what is longer than any."""
    if len(name) > NAME_LENGTH:
        raise BadUserInput(f"`name` has at most {NAME_LENGTH} characters.")
    return name


def checked_password(password: str, *path: str) -> str:
    """Raises Invalid for a password that is too short or too long."""
    least, most = PASSWORD_LENGTH
    if not least <= len(password) <= most:
        raise Invalid(f"A password has {least} to {most} characters.", *path)
    return password
