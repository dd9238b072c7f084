"""Tries that are counted: wrong passwords, wrong codes, mails to an address."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from models.columns import moment, now
from models.id import new_id


class Attempt(SQLModel, table=True):
    """What is counted together has the same key: a keyed hash, which tells nobody whose it is."""

    __tablename__ = "attempts"
    __table_args__ = (Index("attempts_by_key", "key", "at"), Index("attempts_by_age", "at"))

    id: UUID = Field(default_factory=new_id, primary_key=True)
    key: bytes = Field(sa_type=LargeBinary)
    at: datetime = moment(default_factory=now)
