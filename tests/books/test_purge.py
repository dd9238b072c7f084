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
from server.app import App
from server.worker import Worker
from storage.jobs import Queue
from storage.objects import Objects
from tests.books.asks import DELETE_BOOK, DELETE_IMAGES, DUPLICATE, EVENTS, RESTORE_IMAGES, WHOLE, photo
from tests.canvas import PaintedBook, text
from tests.client import CREATE_BOOK
from tests.people import uuid_of

OVER = "deleted_at = now() - interval '30 days 1 second'"
NEARLY = "deleted_at = now() - interval '29 days 23 hours'"


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
    assert (await book.owner.ask(RESTORE_IMAGES, ids=[nearly])).code is None


async def test_bytes_that_two_books_share_go_with_the_last_of_them_however_both_go_at_once(
    app: App, book: PaintedBook, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [await stored(bucket, await book.photo()) for _ in range(6)]
    await book.owner.ask(DUPLICATE, id=book.id)
    await book.database.execute(f"UPDATE images SET {OVER}")
    monkeypatch.setattr(purge, "IMAGES", 2)
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
    monkeypatch.setattr(purge, "IMAGES", 1)
    monkeypatch.setattr(purge, "ROWS", 1)
    whole, calls = purge.release, 0

    async def stops(work: Any, ids: Any) -> list[Any]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ConnectionError("killed here")
        return await whole(work, ids)

    monkeypatch.setattr(purge, "release", stops)
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
