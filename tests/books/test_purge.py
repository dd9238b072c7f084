"""What was in the trash for 30 days goes for good, with its bytes, and nothing else does."""

import asyncio
import io
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from models.object import Part, key_of
from resolvers.jobs import REGISTRY, purge
from resolvers.jobs.kind import Nothing
from resolvers.jobs.purge import placements, release, trash
from server.app import App
from server.worker import Worker
from storage.jobs import Queue
from storage.objects import Objects
from tests.books.asks import DELETE_BOOK, DELETE_IMAGES, DUPLICATE, EVENTS, RESTORE_BOOK, RESTORE_IMAGES, WHOLE, photo
from tests.canvas import PaintedBook, text
from tests.client import CREATE_BOOK
from tests.people import uuid_of

OVER = "deleted_at = now() - interval '31 days 1 second'"
#: It cannot be restored any more, by our clock.
NEARLY = "deleted_at = now() - interval '30 days 23 hours'"
RESTORABLE = "deleted_at = now() - interval '29 days'"


async def done(app: App, *, times: int = 1) -> None:
    """The purge has run, and what it owes is done."""
    async with app.parts.database.session.begin() as session:
        await Queue.put(session, [purge.PURGE.job(Nothing()) for _ in range(times)])
    await Worker(app.parts, REGISTRY).drain()


async def stored(bucket: Objects, image_id: str) -> str:
    """All that can be there of a photo is there."""
    for part in Part:
        await bucket.store(
            key_of(uuid_of(image_id), part),
            io.BytesIO(part.encode()),
            content_type="image/webp",
            content_disposition="attachment",
            cache_control="private",
        )
    return image_id


async def there(bucket: Objects, image_ids: Iterable[str]) -> list[int]:
    """How many parts there are of each."""
    return [len([found async for found in bucket.list(f"images/{uuid_of(id)}/")]) for id in image_ids]


async def rows(book: PaintedBook) -> dict[str, Any]:
    tables = ("books", "pages", "elements", "images", "objects", "members", "events", "batches", "invitations")
    return {table: await book.database.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def test_a_book_goes_with_all_it_had_but_what_a_copy_needs(app: App, book: PaintedBook, bucket: Objects) -> None:
    shared, alone = [await stored(bucket, await book.photo()) for _ in range(2)]
    await book.create(photo(shared), photo(alone), text())
    await book.owner.ask(DELETE_IMAGES, ids=[alone])
    copy = (await book.owner.ask(DUPLICATE, id=book.id)).it["book"]["id"]
    before = (await book.owner.ask(WHOLE, id=copy)).it
    await book.owner.ask(DELETE_BOOK, id=book.id)

    await book.database.execute(f"UPDATE books SET {NEARLY} WHERE id = $1", uuid_of(book.id))
    everything = await rows(book)
    await done(app)
    assert await rows(book) == everything

    async with book.owner.follow(EVENTS, bookId=book.id, after=everything["events"] - 1) as events:
        await events.next()
        await book.database.execute(f"UPDATE books SET {OVER} WHERE id = $1", uuid_of(book.id))
        await done(app)
        assert await events.end() == "FORBIDDEN"
    assert (await book.owner.ask(WHOLE, id=book.id)).code == "NOT_FOUND"
    assert await there(bucket, [shared, alone]) == [len(Part), 0]
    kept = {"books": 1, "pages": 1, "elements": 2, "images": 1, "objects": 1, "members": 1}
    assert await rows(book) == {**dict.fromkeys(everything, 0), **kept}
    assert (await book.owner.ask(WHOLE, id=copy)).it == before

    await book.owner.ask(DELETE_BOOK, id=copy)
    await book.database.execute(f"UPDATE books SET {OVER}")
    await done(app)
    assert await there(bucket, [shared]) == [0]
    assert {*(await rows(book)).values()} == {0}


async def test_a_photo_goes_from_a_book_that_stays(app: App, book: PaintedBook, bucket: Objects) -> None:
    over, nearly, stays = [await stored(bucket, await book.photo()) for _ in range(3)]
    await book.create(photo(over), photo(nearly), photo(stays))
    await book.database.execute("UPDATE books SET cover_image_id = $1", uuid_of(over))
    await book.owner.ask(DELETE_IMAGES, ids=[over, nearly])
    await book.database.execute(f"UPDATE images SET {OVER} WHERE id = $1", uuid_of(over))
    await book.database.execute(f"UPDATE images SET {NEARLY} WHERE id = $1", uuid_of(nearly))
    async with book.unchanged():
        await done(app)
    assert await there(bucket, [over, nearly, stays]) == [0, len(Part), len(Part)]
    read = (await book.owner.ask(WHOLE, id=book.id)).it
    assert [image["id"] for image in read["images"]["nodes"]] == [stays]
    assert [image["id"] for image in read["trashed"]["nodes"]] == [nearly]
    assert (await book.owner.ask(RESTORE_IMAGES, ids=[over])).code == "NOT_FOUND"
    # It is there for a day longer than it can be brought back.
    assert (await book.owner.ask(RESTORE_IMAGES, ids=[nearly])).code == "GONE"
    await book.database.execute(f"UPDATE images SET {RESTORABLE} WHERE id = $1", uuid_of(nearly))
    assert (await book.owner.ask(RESTORE_IMAGES, ids=[nearly])).code is None


async def test_bytes_that_two_books_share_go_with_the_last_of_them_however_both_go_at_once(
    app: App, book: PaintedBook, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [await stored(bucket, await book.photo()) for _ in range(6)]
    await book.owner.ask(DUPLICATE, id=book.id)
    await book.database.execute(f"UPDATE images SET {OVER}")
    monkeypatch.setattr(trash, "IMAGES", 2)
    await asyncio.gather(*(done(app, times=2) for _ in range(3)))
    assert await there(bucket, images) == [0] * 6
    assert (await rows(book))["images"] == (await rows(book))["objects"] == 0
    owed = "SELECT count(*) FROM (SELECT json_array_elements_text(payload->'objects') FROM jobs WHERE name = $1) AS o"
    assert await book.database.fetchval(owed, purge.REMOVE.name) == 6


async def test_what_stopped_half_way_goes_on(
    app: App, book: PaintedBook, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [await stored(bucket, await book.photo()) for _ in range(4)]
    await book.create(*(photo(image) for image in images))
    other = (await book.owner.ask(CREATE_BOOK, input={"title": "Stays"})).it["book"]["id"]
    await book.owner.ask(DELETE_BOOK, id=book.id)
    await book.database.execute(f"UPDATE books SET {OVER} WHERE id = $1", uuid_of(book.id))
    monkeypatch.setattr(trash, "IMAGES", 1)
    monkeypatch.setattr(trash, "ROWS", 1)
    whole, calls = release, 0

    async def stops(work: Any, ids: Any) -> list[Any]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ConnectionError("killed here")
        return await whole(work, ids)

    monkeypatch.setattr(trash, "release", stops)
    await done(app)
    left = await rows(book)
    # What was not committed is whole: two photos, with what they have in the bucket.
    assert (left["images"], left["objects"], left["elements"]) == (2, 2, 0)
    assert sorted(await there(bucket, images)) == [0, 0, len(Part), len(Part)]
    await done(app)
    assert await there(bucket, images) == [0] * 4
    assert (await rows(book))["books"] == 1
    assert (await book.owner.ask(WHOLE, id=other)).code is None


async def test_bytes_of_a_row_that_is_there_are_left_alone(app: App, book: PaintedBook, bucket: Objects) -> None:
    image = await stored(bucket, await book.photo())
    async with app.parts.database.session.begin() as session:
        await Queue.put(session, [purge.REMOVE.job(purge.Remove([UUID(uuid_of(image))]))])
    await Worker(app.parts, REGISTRY).drain()
    assert await there(bucket, [image]) == [len(Part)]


@pytest.mark.parametrize("chunks", [0, 1, 3])
async def test_a_book_that_is_restored_before_a_chunk_loses_nothing_from_then_on(
    app: App, book: PaintedBook, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    await book.create(photo(await book.photo()), *(text() for _ in range(4)))
    await book.owner.ask(DELETE_BOOK, id=book.id)
    await book.database.execute(f"UPDATE books SET {OVER}")
    monkeypatch.setattr(trash, "ROWS", 1)
    before = await rows(book)
    dropped, calls = trash._dropped, 0

    async def restored(*asked: Any) -> int:
        nonlocal calls
        if calls == chunks:
            # By somebody for whom it is not too late yet.
            await book.database.execute(f"UPDATE books SET {RESTORABLE}")
            assert (await book.owner.ask(RESTORE_BOOK, id=book.id)).code is None
        calls += 1
        return await dropped(*asked)

    monkeypatch.setattr(trash, "_dropped", restored)
    await done(app)
    assert calls > chunks
    # With the event that says that it is back.
    assert await rows(book) == {**before, "elements": before["elements"] - chunks, "events": before["events"] + 1}
    assert len((await book.owner.ask(WHOLE, id=book.id)).it["elements"]) == 5 - chunks


@pytest.mark.parametrize("photos", [0, 1])
async def test_a_book_that_is_restored_at_last_keeps_its_row_and_the_photos_that_it_has(
    app: App, book: PaintedBook, monkeypatch: pytest.MonkeyPatch, photos: int
) -> None:
    await book.photo()
    await book.owner.ask(DELETE_BOOK, id=book.id)
    await book.database.execute(f"UPDATE books SET {OVER}")
    dropped = trash._dropped_images

    async def restored(*asked: Any) -> int:
        count = 0 if photos else await dropped(*asked)
        if not count:
            await book.database.execute(f"UPDATE books SET {RESTORABLE}")
        return count or await dropped(*asked)

    monkeypatch.setattr(trash, "_dropped_images", restored)
    await done(app)
    left = await rows(book)
    assert [left[table] for table in ("books", "pages", "members", "images")] == [1, 1, 1, photos]


async def test_placements_go_before_their_photo_so_many_at_once(
    app: App, book: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = await book.photo()
    placed = await book.create(*(photo(over) for _ in range(5)))
    await book.owner.ask(DELETE_IMAGES, ids=[over])
    await book.database.execute(f"UPDATE images SET {OVER}")
    # Whoever writes them, foreign keys among them.
    await book.database.execute(
        """
        CREATE TABLE written (work xid8);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO written VALUES (pg_current_xact_id()); RETURN NULL; END';
        CREATE TRIGGER noted AFTER UPDATE ON elements FOR EACH ROW EXECUTE FUNCTION note();
        """
    )
    monkeypatch.setattr(placements, "PLACEMENTS", 2)
    await done(app)
    works = await book.database.fetch("SELECT count(*) FROM written GROUP BY work::text ORDER BY min(work::text::int8)")
    assert [row["count"] for row in works] == [2, 2, 1]
    assert (await rows(book))["images"] == 0
    assert (await rows(book))["elements"] == len(placed)


async def test_what_cannot_be_deleted_holds_up_nothing_else(app: App, book: PaintedBook) -> None:
    """Such as what takes longer than a statement may."""
    stuck = await book.photo()
    await book.owner.ask(DELETE_IMAGES, ids=[stuck])
    await book.database.execute(f"UPDATE images SET {OVER}")
    names = ("Stuck", "Goes")
    books = [(await book.owner.ask(CREATE_BOOK, input={"title": name})).it["book"]["id"] for name in names]
    for id, days in zip(books, (50, 40), strict=True):
        await book.owner.ask(DELETE_BOOK, id=id)
        old = "UPDATE books SET deleted_at = now() - $1 * interval '1 day' WHERE id = $2"
        await book.database.execute(old, days, uuid_of(id))
    for table, id in (("images", stuck), ("books", books[0])):
        await book.database.execute(
            f"""
            CREATE FUNCTION stop_{table}() RETURNS trigger LANGUAGE plpgsql AS
                $$BEGIN RAISE EXCEPTION 'too slow' USING ERRCODE = 'query_canceled'; END$$;
            CREATE TRIGGER stops BEFORE DELETE ON {table} FOR EACH ROW
                WHEN (OLD.id = '{uuid_of(id)}') EXECUTE FUNCTION stop_{table}();
            """
        )
    await done(app)
    assert {row["title"] for row in await book.database.fetch("SELECT title FROM books")} == {"Colours", "Stuck"}
    assert (await rows(book))["images"] == 1
    # It is tried again, and nobody takes it for done.
    job = await book.database.fetchrow("SELECT state, error FROM jobs WHERE name = $1", purge.PURGE.name)
    assert job["state"] == "WAITING" and "too slow" in job["error"]
    for table in ("images", "books"):
        await book.database.execute(f"DROP TRIGGER stops ON {table}")
    await done(app)
    assert {row["title"] for row in await book.database.fetch("SELECT title FROM books")} == {"Colours"}
    assert (await rows(book))["images"] == 0


async def test_what_goes_with_a_row_is_found_by_an_index(book: PaintedBook) -> None:
    """A foreign key without one would have whole tables searched for each book, page and photo that goes."""
    searched = await book.database.fetch(
        """
        SELECT conrelid::regclass::text AS table, attname AS column
        FROM pg_constraint
        JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f'
        AND confrelid IN ('books'::regclass, 'pages'::regclass, 'images'::regclass, 'objects'::regclass)
        AND NOT EXISTS (
            SELECT 1 FROM pg_index
            WHERE indrelid = conrelid AND indkey[0] = conkey[1]
            AND (indpred IS NULL OR pg_get_expr(indpred, indrelid) = format('(%I IS NOT NULL)', attname))
        )
        ORDER BY 1, 2
        """
    )
    assert [tuple(row) for row in searched] == []
