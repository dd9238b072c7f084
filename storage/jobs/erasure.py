"""What jobs say of somebody, gone with them."""

from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database

#: Jobs that are looked at in one statement.
AT_ONCE: Final = 2_000

# As text: what people wrote may hold what Postgres does not take out of JSON, and whatever a payload calls them, they
# are found. One that runs says no more than what it was about to do, and ends within its tries.
_NAMING: Final = text("""
WITH part AS MATERIALIZED (
    SELECT id, name, state, payload::text AS said FROM jobs WHERE id > :after ORDER BY id LIMIT :most
)
SELECT max(id) AS last, array_agg(id) FILTER (
    WHERE name <> :but AND state <> 'RUNNING'
    AND (position(CAST(:id AS text) IN said) > 0 OR position(CAST(:email AS text) IN lower(said)) > 0)
) AS naming
FROM part
""")
# One in a transaction: who puts several holds some of them, and waits for others.
_ERASE: Final = text("DELETE FROM jobs WHERE id = :id AND state <> 'RUNNING'")
_BLANK: Final = text("UPDATE jobs SET payload = '{}' WHERE id = :id")


async def erase(database: Database, user_id: UUID, email: str | None, *, but: str) -> int:
    """Deletes all that name them, or their address, whether they wait or have ended, but those of one kind."""
    # In its quotation marks, or an address would be found at the end of another one.
    written = orjson.dumps(email.lower()).decode() if email else None
    asked: dict[str, Any] = {"id": f'"{user_id}"', "email": written, "but": but, "most": AT_ONCE}
    after, gone = 0, 0
    while True:
        async with database.session() as rows:
            part = (await rows.execute(_NAMING, {**asked, "after": after})).one()
        for id in part.naming or ():
            async with database.session.begin() as rows:
                await rows.execute(_ERASE, {"id": id})
            gone += 1
        if part.last is None:
            return gone
        after = part.last


async def blank(session: AsyncSession, id: int) -> None:
    """Has the job say nothing any more; it is about to end."""
    await session.execute(_BLANK, {"id": id})
