"""A book that cannot be written holds up no sweep."""

from datetime import timedelta
from io import BytesIO

import pytest
from structlog.testing import capture_logs

from resolvers.jobs import REGISTRY
from resolvers.jobs.kind import Nothing
from resolvers.jobs.purge import EXPIRY
from resolvers.jobs.sweep import SWEEP, Sweep, walk
from server.app import App
from server.worker import Worker
from storage.jobs import Queue
from storage.objects import Objects
from tests.canvas import PaintedBook
from tests.client import CREATE_BOOK
from tests.people import uuid_of


@pytest.fixture
async def stuck(book: PaintedBook, objects: Objects) -> str:
    """The image that cannot be deleted; in another book are two that can, and in the bucket lies what nobody needs."""
    other = (await book.owner.ask(CREATE_BOOK, input={"title": "Other"})).it["book"]["id"]
    stuck = uuid_of(await book.photo("PENDING"))
    for _ in range(2):
        late = uuid_of(await book.photo("PENDING"))
        await book.database.execute("UPDATE images SET book_id = $1 WHERE id = $2", uuid_of(other), late)
    await book.database.execute("UPDATE images SET status_at = now() - $1::interval", 2 * EXPIRY)
    await book.database.execute(
        f"""
        CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'too slow' USING ERRCODE = 'query_canceled'; END$$;
        CREATE TRIGGER stops BEFORE DELETE ON images FOR EACH ROW
            WHEN (OLD.id = '{stuck}') EXECUTE FUNCTION stop();
        """
    )
    how = {"content_type": "image/jpeg", "content_disposition": "inline", "cache_control": "private"}
    await objects.store("quarantine/nobodys", BytesIO(b"bytes"), **how)
    return stuck


async def left(book: PaintedBook) -> list[str]:
    return [str(row["id"]) for row in await book.database.fetch("SELECT id FROM images")]


@pytest.mark.parametrize("batch", [1, walk.BATCH])
async def test_the_sweep_goes_on_with_the_others(
    app: App, book: PaintedBook, objects: Objects, stuck: str, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(walk, "BATCH", batch)
    with capture_logs() as lines:
        swept = await Sweep(app.parts, young=timedelta(0)).run()
    assert (swept.expired, swept.stuck, swept.leftovers) == (2, 1, 1)
    assert await left(book) == [stuck]
    assert [found.key async for found in objects.list("")] == []
    [said] = [line for line in lines if line["event"] == "left for the next time"]
    assert said["book"] == uuid_of(book.id)


async def test_a_night_with_a_book_that_is_stuck_is_said_and_over(app: App, book: PaintedBook, stuck: str) -> None:
    async with app.parts.database.session.begin() as session:
        await Queue.put(session, [SWEEP.job(Nothing())])
    with capture_logs() as lines:
        await Worker(app.parts, REGISTRY).drain()
    [said] = [line for line in lines if line["event"] == "swept"]
    assert (said["log_level"], said["stuck"]) == ("error", 1)
    assert await left(book) == [stuck]
    assert await book.database.fetchval("SELECT state FROM jobs WHERE name = $1", SWEEP.name) == "DONE"
