"""What we owe: jobs, and when those that come by the clock came last."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Identity, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from models.columns import moment, one_of
from models.columns import text as text_column


class JobState(StrEnum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    #: After its last try; kept, so that somebody can look at it.
    DEAD = "DEAD"


_WAITS = text("state = 'WAITING'")
_RUNS = text("state = 'RUNNING'")


class QueuedJob(SQLModel, table=True):
    """A job as it waits, runs or has ended; only `storage/jobs` writes it."""

    __tablename__ = "jobs"
    __table_args__ = (
        one_of("state", JobState),
        Index("jobs_in_order", "priority", "not_before", "id", postgresql_where=_WAITS),
        Index("jobs_by_moment", "not_before", postgresql_where=_WAITS),
        Index("jobs_by_lease", "leased_until", postgresql_where=_RUNS),
        # What is asked for while the same runs waits for its turn, and is merged with what waits already.
        Index("jobs_waiting_once", "name", "key", unique=True, postgresql_where=_WAITS),
        Index("jobs_running_once", "name", "key", unique=True, postgresql_where=_RUNS),
        Index("jobs_ended", "state", "ended_at", postgresql_where=text("state IN ('DONE', 'DEAD')")),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True, nullable=False)
    )
    name: str = text_column()
    key: str | None = text_column(default=None)
    #: As text: what people wrote may hold what `jsonb` refuses.
    payload: dict[str, Any] = Field(sa_type=JSON)
    priority: int = Field(sa_type=SmallInteger)
    state: JobState = text_column()
    debounce: bool
    not_before: datetime = moment()
    put_at: datetime = moment()
    tries: int = Field(sa_type=SmallInteger)
    #: Of the try that runs: another one cannot end it.
    lease: UUID | None = Field(default=None)
    leased_until: datetime | None = moment(default=None)
    began_at: datetime | None = moment(default=None)
    ended_at: datetime | None = moment(default=None)
    error: str | None = text_column(default=None)
    traceparent: str | None = text_column(default=None)


class JobSchedule(SQLModel, table=True):
    """The last moment of a schedule for which its job was put."""

    __tablename__ = "job_schedules"

    name: str = text_column(primary_key=True)
    slot: datetime = moment()
