"""Columns that several tables have in common."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Text, Uuid, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

Json = JSONB(none_as_null=True)


def now() -> datetime:
    return datetime.now(UTC)


def moment(**options: Any) -> Any:
    """A point in time, aware and in UTC."""
    return Field(sa_type=DateTime(timezone=True), **options)


def reference(target: str, *, ondelete: str, nullable: bool = False, index: bool = False) -> Any:
    """A foreign key to `table.column`, with what becomes of this row when that one goes."""
    column: Column[UUID] = Column(Uuid, ForeignKey(target, ondelete=ondelete), nullable=nullable, index=index)
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


def one_of(column: str, words: type[Enum]) -> CheckConstraint:
    """Text that is one of the words; a native enum could not lose one again."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_is_known")


def flag() -> Any:
    """What holds of a few rows, and of none that a program wrote which has not heard of it."""
    return Field(default=False, sa_column_kwargs={"server_default": false()})


def text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def order_key() -> Any:
    """A fractional index, which sorts as bytes do."""
    return Field(sa_column=Column(Text(collation="C"), nullable=False))


def shown_moment(moment: datetime) -> str:
    """The moment in ISO 8601, as Postgres's `to_json` writes it: no zeros at the end of the fraction."""
    text = moment.astimezone(UTC).isoformat()
    return text if not moment.microsecond else f"{text[:-6].rstrip('0')}{text[-6:]}"


def moment_of(text: str) -> datetime:
    """The moment that an ISO 8601 text names. Raises ValueError for one without its offset."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("a moment has its offset")
    return parsed
