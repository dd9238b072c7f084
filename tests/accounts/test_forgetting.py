"""What accounts leave behind goes when nobody needs it, and not before."""

import os
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import select, text

from models import (
    Attempt,
    EmailLink,
    IdentityRequest,
    PasskeyChallenge,
    RefreshToken,
    SecurityEvent,
    SecurityEventKind,
    Session,
    SignIn,
    User,
)
from models.columns import now
from resolvers.jobs import REGISTRY, accounts
from resolvers.jobs.kind import Nothing
from server.app import App
from storage.database import Database

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


async def forget(app: App) -> None:
    run: Any = SimpleNamespace(parts=app.parts)
    await accounts.forget(run, Nothing())


def left_behind(user: User, age: timedelta) -> list[Any]:
    """One of each, over for this long; a negative one is still needed."""
    at = now()
    live = Session(user_id=user.id, expires_at=at + DAY)
    hash = os.urandom(32)
    since: dict[str, Any] = {"user_id": user.id, "hash": hash, "expires_at": at - age}
    return [
        live,
        SignIn(token_hash=hash, user_id=user.id, proof="PASSWORD", due="TOTP", expires_at=at - age),
        PasskeyChallenge(**since),
        IdentityRequest(**since, provider="a", redirect_uri="b", secrets=b""),
        EmailLink(**since, purpose="RESET", email="ada@example.org"),
        Attempt(key=hash, at=at - DAY - age),
        RefreshToken(hash=hash, session_id=live.id, used_at=at - DAY - age),
        Session(user_id=user.id, expires_at=at + DAY, revoked_at=at - 30 * DAY - age),
        Session(user_id=user.id, expires_at=at - 30 * DAY - age),
        SecurityEvent(user_id=user.id, kind=SecurityEventKind.SIGNED_IN, at=at - 365 * DAY - age),
    ]


async def keep(database: Database, user: User, *rows: Any) -> None:
    async with database.session.begin() as session:
        session.add(user)
        await session.flush()
        for row in rows:
            session.add(row)
            await session.flush()


async def counts(app: App) -> dict[str, int]:
    tables = {str(table.__tablename__) for table, _ in accounts._over()}
    connection = await asyncpg.connect(app.parts.database.url)
    try:
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
    finally:
        await connection.close()


async def test_what_is_over_goes_and_what_is_needed_stays(app: App) -> None:
    user = User(name="Ada")
    await keep(app.parts.database, user, *left_behind(user, MINUTE), *left_behind(user, -MINUTE))
    # An unused token is its session's way on, however old it is.
    session = Session(user_id=user.id, expires_at=now() + DAY)
    unused = RefreshToken(hash=os.urandom(32), session_id=session.id, issued_at=now() - 59 * DAY)
    await keep(app.parts.database, User(name="Bob"), session, unused)
    before = await counts(app)
    await forget(app)
    after = await counts(app)
    gone = {table: before[table] - left for table, left in after.items()}
    assert gone == {**dict.fromkeys(before, 1), "sessions": 2}
    assert {table: left for table, left in after.items() if table not in ("sessions", "refresh_tokens")} == {
        table: 1 for table in before if table not in ("sessions", "refresh_tokens")
    }
    assert (after["sessions"], after["refresh_tokens"]) == (5, 2)
    await forget(app)
    assert await counts(app) == after


async def test_it_goes_in_batches_until_nothing_is_left(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "AT_ONCE", 3)
    user = User(name="Ada")
    late = now() - 2 * DAY
    await keep(app.parts.database, user, *(Attempt(key=uuid4().bytes, at=late) for _ in range(10)))
    await forget(app)
    assert (await counts(app))["attempts"] == 0


async def test_what_somebody_has_in_hand_waits_for_the_next_time(app: App) -> None:
    user = User(name="Ada")
    late = now() - 2 * DAY
    await keep(app.parts.database, user, Attempt(key=b"a", at=late), Attempt(key=b"b", at=late))
    connection = await asyncpg.connect(app.parts.database.url)
    async with connection.transaction():
        await connection.fetch("SELECT FROM attempts WHERE key = 'a' FOR UPDATE")
        await forget(app)
        assert (await counts(app))["attempts"] == 1
    await connection.close()
    await forget(app)
    assert (await counts(app))["attempts"] == 0


async def test_an_index_finds_each(app: App) -> None:
    """Where the planner is kept from reading whole tables, none is read."""
    async with app.parts.database.engine.connect() as connection:
        await connection.execute(text("SET enable_seqscan = off"))
        for table, over in accounts._over():
            asked: Any = select(table).where(over).compile(dialect=connection.dialect)
            given = tuple(asked.params[name] for name in asked.positiontup)
            plan = str((await connection.exec_driver_sql(f"EXPLAIN {asked}", given)).all())
            assert "Seq Scan" not in plan and "Index Scan" in plan, plan


def test_it_is_done_by_the_clock() -> None:
    assert "accounts.forget" in [due.name for due in REGISTRY.due]
