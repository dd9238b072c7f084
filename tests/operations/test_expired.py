"""Images that were promised and never came: their placements and covers go with them, and everybody hears of it."""

from collections.abc import Iterable
from datetime import timedelta
from io import BytesIO

import pytest

from models.image import FAILED_FOR
from resolvers.context import Context
from resolvers.jobs import REGISTRY
from resolvers.jobs.kind import Nothing
from resolvers.jobs.purge import EXPIRE, EXPIRY, Apart, expire, expired, placements
from resolvers.jobs.sweep import Sweep, Swept
from server.app import App
from server.worker import Worker
from storage.jobs import Queue
from storage.objects import Objects
from tests.books.asks import WHOLE, photo
from tests.canvas import PaintedBook, delete
from tests.client import CREATE_BOOK, EVENTS, UPDATE_BOOK
from tests.people import uuid_of

MINUTE = timedelta(minutes=1)


async def sweep(app: App) -> Swept:
    return await Sweep(app.parts, young=timedelta(0)).run()


async def hourly(app: App) -> None:
    async with app.parts.database.session.begin() as session:
        await Queue.put(session, [EXPIRE.job(Nothing())])
    await Worker(app.parts, REGISTRY).drain()


async def put(objects: Objects, ids: Iterable[str]) -> list[str]:
    """What a ticket for each lets one put."""
    keys = [f"quarantine/{uuid_of(id)}" for id in ids]
    for key in keys:
        how = {"content_type": "image/jpeg", "content_disposition": "inline", "cache_control": "private"}
        await objects.store(key, BytesIO(b"bytes"), **how)
    return keys


async def aged(book: PaintedBook, id: str, age: timedelta) -> None:
    await book.database.execute("UPDATE images SET status_at = now() - $1::interval WHERE id = $2", age, uuid_of(id))


async def test_it_goes_with_its_placements_in_one_event(app: App, book: PaintedBook) -> None:
    late, waiting, ready = await book.photo("PENDING"), await book.photo("PENDING"), await book.photo()
    placed = await book.create(photo(late), photo(waiting), photo(ready))
    await book.owner.ask(UPDATE_BOOK, input={"id": book.id, "coverImageId": late})
    await aged(book, late, EXPIRY + MINUTE)
    await aged(book, waiting, EXPIRY - MINUTE)
    before = (await book.owner.ask(WHOLE, id=book.id)).it

    async with book.owner.follow(EVENTS, bookId=book.id, after=before["seq"]) as events:
        assert (await sweep(app)).expired == 1
        told = await events.next()
    assert (told["__typename"], told["seq"], told["actor"]) == ("ImagesChanged", before["seq"] + 1, None)
    [row] = await book.database.fetch("SELECT payload FROM events WHERE seq = $1", told["seq"])
    assert uuid_of(late) in row["payload"] and uuid_of(placed[0]) in row["payload"]

    after = (await book.owner.ask(WHOLE, id=book.id)).it
    assert [element["id"] for element in after["elements"]] == placed[1:]
    assert after["cover"] is None
    weight = "SELECT weight FROM books WHERE id = $1"
    assert await book.database.fetchval(weight, uuid_of(book.id)) == 2 * 500
    left = {str(row["id"]) for row in await book.database.fetch("SELECT id FROM objects")}
    assert left == {uuid_of(waiting), uuid_of(ready)}
    assert (await sweep(app)).expired == 0
    assert (await book.read())["seq"] == told["seq"]


async def test_one_that_is_asked_for_again_is_waited_for_again(app: App, book: PaintedBook) -> None:
    late = await book.photo("PENDING")
    await aged(book, late, 2 * EXPIRY)
    id = await book.database.fetchval("UPDATE images SET status_at = now() RETURNING id")
    async with book.unchanged():
        # As if a ticket was given out between the look and the deed.
        assert await expire(Context(app.parts, None), [id], Apart()) == 0
    assert await book.database.fetchval("SELECT count(*) FROM images") == 1


async def test_one_in_the_trash_goes_as_well(app: App, book: PaintedBook) -> None:
    late = await book.photo("PENDING")
    await aged(book, late, 2 * EXPIRY)
    await book.database.execute("UPDATE images SET deleted_at = now()")
    assert (await sweep(app)).expired == 1
    assert await book.database.fetchval("SELECT count(*) FROM images") == 0


async def test_every_hour_all_that_have_expired_go_with_what_was_put_for_them(
    app: App, book: PaintedBook, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expired, "BATCH", 2)
    late, waiting = [await book.photo("PENDING") for _ in range(5)], await book.photo("PENDING")
    processing = await book.photo("PROCESSING")
    for id in (*late, processing):
        await aged(book, id, EXPIRY + MINUTE)
    await aged(book, waiting, EXPIRY - MINUTE)
    kept = (await put(objects, [*late, waiting, processing]))[-2:]
    assert EXPIRE in [*REGISTRY] and EXPIRE.cron is not None and EXPIRE.cron.endswith(" * * * *")
    assert timedelta(hours=2) == EXPIRY
    await hourly(app)
    left = {str(row["id"]) for row in await book.database.fetch("SELECT id FROM images")}
    assert left == {uuid_of(waiting), uuid_of(processing)}
    assert [found.key async for found in objects.list("")] == sorted(kept)


async def test_one_that_was_refused_goes_after_a_month_with_its_placements(app: App, book: PaintedBook) -> None:
    late, recent = await book.photo("PENDING"), await book.photo("PENDING")
    placed = await book.create(photo(late), photo(recent))
    await book.database.execute("UPDATE images SET status = 'FAILED'")
    await aged(book, late, FAILED_FOR)
    await aged(book, recent, FAILED_FOR - MINUTE)
    await hourly(app)
    assert [str(row["id"]) for row in await book.database.fetch("SELECT id FROM images")] == [uuid_of(recent)]
    assert [str(row["id"]) for row in await book.database.fetch("SELECT id FROM objects")] == [uuid_of(recent)]
    assert [element["id"] for element in (await book.read())["elements"]] == placed[1:]
    assert timedelta(days=30) == FAILED_FOR


async def test_a_book_that_cannot_be_written_holds_up_no_other(
    app: App, book: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (await book.owner.ask(CREATE_BOOK, input={"title": "Other"})).it["book"]["id"]
    stuck, late, moved = [await book.photo("PENDING") for _ in range(3)]
    await book.database.execute("UPDATE images SET book_id = $1 WHERE id <> $2", uuid_of(other), uuid_of(stuck))
    for id, age in ((stuck, 4), (late, 3), (moved, 2)):
        await aged(book, id, age * EXPIRY)
    await book.database.execute(
        f"""
        CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'too slow' USING ERRCODE = 'query_canceled'; END$$;
        CREATE TRIGGER stops BEFORE DELETE ON images FOR EACH ROW
            WHEN (OLD.id = '{uuid_of(stuck)}') EXECUTE FUNCTION stop();
        """
    )
    monkeypatch.setattr(expired, "BATCH", 2)
    await hourly(app)
    assert [str(row["id"]) for row in await book.database.fetch("SELECT id FROM images")] == [uuid_of(stuck)]
    assert await book.database.fetchval("SELECT state FROM jobs WHERE name = $1", EXPIRE.name) == "WAITING"


async def test_placements_that_nobody_sees_are_let_go_of_so_many_at_once(
    app: App, book: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = await book.photo("PENDING")
    placed = await book.create(*(photo(late) for _ in range(6)))
    await book.do(*(delete(id) for id in placed[1:]))
    await aged(book, late, 2 * EXPIRY)
    await book.database.execute(
        """
        CREATE TABLE written (work xid8);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO written VALUES (pg_current_xact_id()); RETURN NULL; END';
        CREATE TRIGGER noted AFTER UPDATE ON elements FOR EACH ROW EXECUTE FUNCTION note();
        """
    )
    monkeypatch.setattr(placements, "PLACEMENTS", 2)
    await hourly(app)
    works = await book.database.fetch("SELECT count(*) FROM written GROUP BY work::text ORDER BY min(work::text::int8)")
    # The last one of those that were deleted goes with the one that everybody saw.
    assert [row["count"] for row in works] == [2, 2, 2]
    assert await book.database.fetchval("SELECT count(*) FROM images") == 0
