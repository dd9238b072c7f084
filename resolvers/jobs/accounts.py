"""What accounts leave behind is deleted once nobody needs it."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, CursorResult, delete, func, select
from sqlmodel import SQLModel, col

from models import (
    Attempt,
    EmailLink,
    IdentityRequest,
    PasskeyChallenge,
    RefreshToken,
    SecurityEvent,
    Session,
    SignIn,
    Totp,
)
from models.security_event import RETENTION
from models.session import ENDED_FOR, USED_FOR
from resolvers import second_factor
from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.run import Run
from resolvers.keyring import Unreadable
from storage.database import Database

#: Longer than any window in which tries are counted.
ATTEMPTS_FOR: Final = timedelta(days=1)
#: Rows deleted in one transaction.
AT_ONCE: Final = 1_000
#: Second factors sealed anew in one transaction.
RESEALED: Final = 200

_log = structlog.get_logger("accounts")


async def forget(run: Run, asked: Nothing) -> None:
    """Each batch stays deleted, whatever becomes of the next."""
    gone: Counter[str] = Counter()
    for table, over in _over():
        gone[str(table.__tablename__)] += await _delete(run.parts.database, table, over)
    _log.info("accounts_forgotten", **gone)


def _over() -> Iterator[tuple[type[SQLModel], ColumnElement[bool]]]:
    """What is to go of which table, by the database's clock. An index finds each."""
    now: ColumnElement[Any] = func.now()
    for table in (SignIn, PasskeyChallenge, IdentityRequest, EmailLink):
        yield table, col(table.expires_at) < now
    yield Attempt, col(Attempt.at) < now - ATTEMPTS_FOR
    yield RefreshToken, col(RefreshToken.used_at) < now - USED_FOR
    # The first have been revoked and the others not renewed; their refresh tokens go with them.
    yield Session, col(Session.revoked_at) < now - ENDED_FOR
    yield Session, col(Session.expires_at) < now - ENDED_FOR
    yield SecurityEvent, col(SecurityEvent.at) < now - RETENTION


async def _delete(database: Database, table: type[SQLModel], over: ColumnElement[bool]) -> int:
    [key] = table.__table__.primary_key  # type: ignore[attr-defined]
    # A row that somebody has in hand is not waited for: it goes the next time.
    batch = select(key).where(over).limit(AT_ONCE).with_for_update(skip_locked=True).cte("batch")
    gone = delete(table).where(key.in_(select(batch))).execution_options(synchronize_session=False)
    deleted = 0
    while True:
        async with database.session.begin() as rows:
            done = cast(CursorResult[Any], await rows.execute(gone)).rowcount
        deleted += done
        if done < AT_ONCE:
            return deleted


async def reseal(run: Run, asked: Nothing) -> None:
    """Seals second factors with the secret of today, so that those which it has replaced can be forgotten."""
    after, sealed, unreadable = UUID(int=0), 0, 0
    while True:
        async with run.parts.database.session.begin() as rows:
            batch = list(
                await rows.scalars(
                    select(Totp)
                    .where(col(Totp.user_id) > after)
                    .order_by(col(Totp.user_id))
                    .limit(RESEALED)
                    # Whoever is signing in seals theirs meanwhile, and is waited for.
                    .with_for_update()
                )
            )
            for totp in batch:
                after = totp.user_id
                try:
                    second_factor.reseal(run.parts.keyring, totp)
                except Unreadable:
                    unreadable += 1
                else:
                    sealed += 1
        if len(batch) < RESEALED:
            break
    _log.info("second_factors_resealed", sealed=sealed, unreadable=unreadable)


FORGET: Final = Kind("accounts.forget", Nothing, forget, timeout=600.0, tries=3, priority=90, cron="37 * * * *")
RESEAL: Final = Kind("accounts.reseal", Nothing, reseal, timeout=600.0, tries=3, priority=90)
KINDS: Final = (FORGET, RESEAL)
