"""Guests who left without a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlmodel import col

from models import Session, User
from resolvers import belongings
from resolvers.jobs.kind import Kind
from resolvers.jobs.leaving.parting import orphaned, part
from resolvers.jobs.purge import Apart
from resolvers.jobs.run import Run
from storage.database import Database

_FIRST: Final = UUID(int=0)
#: Guests looked at in one go.
AT_ONCE: Final = 500
#: How long nobody has been able to come back to what a guest has, before it goes.
KEPT_FOR: Final = timedelta(days=30)
#: Seconds after which the next job goes on where this one stopped; a tenth of what it has, for the last guest of it.
SHIFT: Final = 540.0
TIMEOUT: Final = 600.0

_log = structlog.get_logger("accounts")


@dataclass(frozen=True, slots=True)
class After:
    """The guest after whom it goes on."""

    id: UUID = _FIRST


async def forget_guests(run: Run, asked: After) -> None:
    """Deletes those who cannot come back: at once who has nothing, and the others as if they had left by then.

    Who is the only owner of a book with others in it stays: it would be nobody's.
    """
    ends = monotonic() + SHIFT
    gone, after, apart = 0, asked.id, Apart()
    while (some := await _next(run.parts.database, after)) and monotonic() < ends:
        forgotten = await _forget(run.parts.database, [row.id for row in some if row.is_out])
        gone += len(forgotten)
        for row in some:
            if row.is_long_out and row.id not in forgotten:
                if monotonic() >= ends:
                    break
                # Who cannot be held for what others do in their books goes the next time.
                gone += await apart.do(_part(run, row.id), guest=str(row.id)) or 0
            after = row.id
    _log.info("guests_forgotten", guests=gone, left=apart.left)
    if some:
        async with run.finishing() as work:
            await work.owe(FORGET_GUESTS.job(After(after)))


async def _next(database: Database, after: UUID) -> Sequence[Any]:
    """So many guests and whether they are out, and so for long; nobody is locked for it."""
    async with database.session() as rows:
        found = await rows.execute(
            select(
                col(User.id),
                (~_can_come_back()).label("is_out"),
                (~_can_come_back(KEPT_FOR) & ~orphaned(col(User.id)).exists()).label("is_long_out"),
            )
            .where(col(User.is_guest), col(User.id) > after)
            .order_by(col(User.id))
            .limit(AT_ONCE)
        )
        return found.all()


async def _forget(database: Database, ids: list[UUID]) -> set[UUID]:
    """Those of them who have nothing."""
    if not ids:
        return set()
    async with database.session.begin() as rows:
        # Whoever is in somebody's hands is not waited for: they go the next time.
        free = select(col(User.id)).where(col(User.id).in_(ids)).with_for_update(skip_locked=True)
        held = (await rows.scalars(free)).all()
        # Looked at once they are held, when nothing new can refer to them.
        left = delete(User).where(col(User.id).in_(held), ~_can_come_back(), *_have_nothing()).returning(col(User.id))
        return {*await rows.scalars(left.execution_options(synchronize_session=False))}


async def _part(run: Run, id: UUID) -> bool:
    """In a work of its own, which stays done whatever becomes of the next."""
    async with run.work() as work:
        await belongings.hold(work, id)
        # Somebody may have come into a book of theirs meanwhile.
        still = select(col(User.id)).where(
            col(User.id) == id, col(User.is_guest), ~_can_come_back(KEPT_FOR), ~orphaned(col(User.id)).exists()
        )
        if await work.session.scalar(still) is None:
            return False
        await part(work, id)
        return True


def _can_come_back(within: timedelta = timedelta()) -> ColumnElement[bool]:
    """Or could, so long ago."""
    at = func.now() - within
    return exists().where(
        col(Session.user_id) == col(User.id),
        or_(col(Session.revoked_at).is_(None), col(Session.revoked_at) > at),
        col(Session.expires_at) > at,
    )


def _have_nothing() -> list[Any]:
    return [~exists().where(each.of(col(User.id))) for each in belongings.belongings()]


FORGET_GUESTS: Final = Kind(
    "guests.forget", After, forget_guests, timeout=TIMEOUT, tries=3, priority=90, cron="47 * * * *"
)
