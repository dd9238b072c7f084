"""Rows S57 and T13: uploads killed on their way leave no orphan, and nothing that was not verified."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest_asyncio

from server.preparation import objects_of
from server.settings import Settings
from tests.uploads.aftermath import kill
from tests.uploads.killing import POINTS

KILLS = 26


@pytest_asyncio.fixture
async def own(settings: Settings) -> AsyncIterator[Settings]:
    """With a bucket that nobody else puts anything into."""
    own = settings.model_copy(update={"s3_bucket": f"kills-{uuid4().hex}"})
    async with objects_of(own) as objects:
        await objects.prepare(["*"])
        yield own
        await objects.delete([found.key async for found in objects.list("")])


async def test_uploads_killed_anywhere_come_to_the_same_end(own: Settings) -> None:
    assert KILLS >= 20 and KILLS % len(POINTS) == 0
    sql = await asyncpg.connect(own.database_url)
    after = await kill(own, sql, kills=KILLS, seed=1)
    await sql.close()
    assert after.faults == []
    assert after.ready == KILLS
    # Once per point: never committed at all; before it was completed; all others came to their end by themselves.
    each = KILLS // len(POINTS)
    assert after.stood == {"PENDING": 4 * each, "READY": 8 * each}
    assert after.swept > 0
