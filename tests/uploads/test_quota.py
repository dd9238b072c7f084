"""Room for photos (row S56): the last that fits is taken and the next is not, however many ask at once."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from models.quota import GB, Quotas
from resolvers.jobs import REGISTRY
from resolvers.jobs.kind import Nothing
from resolvers.jobs.purge import EXPIRE, EXPIRY
from server.worker import Worker
from storage.jobs import Queue
from tests.client import REQUEST_UPLOADS, Answer, Client
from tests.people import People, made_book, uuid_of
from tests.uploads.putting import complete, declared, finished, photo, put, request, ticket, uploaded

MB = 10**6


def claimed(size: int) -> dict[str, Any]:
    """A file of so many bytes, which nobody need have."""
    digest = sha256(uuid4().bytes).hexdigest()
    return {"filename": "a.jpg", "contentType": "image/jpeg", "size": size, "sha256": digest}


@contextmanager
def quotas(people: People, **most: int) -> Iterator[None]:
    app = people.app
    before = app.parts
    app._parts = replace(before, quotas=Quotas(**most))
    try:
        yield
    finally:
        app._parts = before


async def ask(by: Client, book_id: str, *files: dict[str, Any]) -> Answer:
    return await by.ask(REQUEST_UPLOADS, input={"bookId": book_id, "files": list(files)})


async def insisted(by: Client, book_id: str, file: dict[str, Any]) -> Answer:
    """Asked again, for the same file, where so many were before it that it had no turn in time."""
    while (answer := await ask(by, book_id, file)).code == "UNAVAILABLE":
        pass
    return answer


async def fill(people: People, count: int, size: int, *, by: Client | None = None, **otherwise: Any) -> None:
    """So many photos of this size, whose bytes are nowhere."""
    await people.sql(
        "INSERT INTO images (id, book_id, uploader_id, status, status_at, filename, content_type, size, sha256,"
        " created_at) SELECT gen_random_uuid(), $1, $2, $3, now(), 'a.jpg', 'image/jpeg', $4,"
        " 'digest' || gen_random_uuid(), now() FROM generate_series(1, $5::int)",
        uuid_of(otherwise.get("book_id", people.book_id)),
        uuid_of(by.user_id) if by else None,
        otherwise.get("status", "READY"),
        size,
        count,
    )


async def expired(people: People) -> None:
    """The hourly job has come."""
    async with people.app.parts.database.session.begin() as session:
        await Queue.put(session, [EXPIRE.job(Nothing())])
    await Worker(people.app.parts, REGISTRY).drain()


def test_they_are_as_large_as_promised() -> None:
    assert Quotas() == Quotas(10_000, 50 * GB, 100 * GB)


async def test_a_book_takes_ten_thousand_photos_and_not_one_more(people: People) -> None:
    await fill(people, 9_999, 1)
    two = [declared(photo()), declared(photo())]
    refused = await request(people, people.contributor, *two)
    assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "files"])
    assert await people.sql("SELECT 1 FROM images WHERE sha256 = $1", two[0]["sha256"]) == []
    assert (await request(people, people.contributor, two[0])).code is None
    assert (await request(people, people.contributor, two[1])).code == "LIMIT_REACHED"
    # What waits already needs no more room.
    assert (await request(people, people.contributor, two[0])).code is None


async def test_a_book_takes_fifty_gigabytes_and_not_one_byte_more(people: People) -> None:
    await fill(people, 1_000, 50 * MB - 1)
    assert (await request(people, people.editor, claimed(1_001))).code == "LIMIT_REACHED"
    assert (await request(people, people.editor, claimed(1_000))).code is None
    refused = await request(people, people.editor, claimed(1))
    assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "files"])
    # Another book has room.
    assert (await ask(people.editor, await made_book(people.editor), claimed(1))).code is None


async def test_a_person_has_a_hundred_gigabytes_over_all_their_books(people: People) -> None:
    books = [await made_book(people.editor) for _ in range(3)]
    for book_id in books[:2]:
        await fill(people, 1_000, 50 * MB - 1, by=people.editor, book_id=book_id)
    assert (await ask(people.editor, books[2], claimed(2_001))).code == "LIMIT_REACHED"
    assert (await ask(people.editor, books[2], claimed(2_000))).code is None
    refused = await ask(people.editor, books[2], claimed(1))
    assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "files"])
    # It is their own: others put photos into the same book.
    assert (await request(people, people.contributor, claimed(1))).code is None


async def test_what_failed_takes_no_room_and_what_may_be_there_does(people: People) -> None:
    with quotas(people, book_bytes=10):
        await fill(people, 5, 10, status="FAILED")
        await fill(people, 5, 10, status="PENDING")
        assert (await request(people, people.editor, claimed(1))).code == "LIMIT_REACHED"
        # Their tickets are worth nothing any more, but they may have been used.
        old = "UPDATE images SET status_at = now() - $1::interval WHERE status = 'PENDING' AND book_id = $2"
        await people.sql(old, EXPIRY - timedelta(minutes=1), uuid_of(people.book_id))
        await expired(people)
        assert (await request(people, people.editor, claimed(1))).code == "LIMIT_REACHED"
        await people.sql(old, EXPIRY, uuid_of(people.book_id))
        assert (await request(people, people.editor, claimed(1))).code == "LIMIT_REACHED"
        await expired(people)
        assert (await request(people, people.editor, claimed(4))).code is None
        await fill(people, 1, 6)
        await people.sql(
            "UPDATE images SET deleted_at = now() WHERE size = 6 AND book_id = $1", uuid_of(people.book_id)
        )
        assert (await request(people, people.editor, claimed(1))).code == "LIMIT_REACHED"


async def test_bytes_that_copies_share_count_once(people: People) -> None:
    with quotas(people, user_bytes=10):
        await fill(people, 1, 9, by=people.owner)
        [one] = await people.sql("SELECT object_id FROM images WHERE book_id = $1", uuid_of(people.book_id))
        duplicate = "mutation($id: ID!) { duplicateBook(id: $id) { book { id } userErrors { code } } }"
        copy = (await people.owner.ask(duplicate, id=people.book_id)).it["book"]["id"]
        found = await people.sql("SELECT book_id FROM images WHERE object_id = $1", one["object_id"])
        assert len(found) == 2
        assert (await ask(people.owner, copy, claimed(1))).code is None
        assert (await ask(people.owner, copy, claimed(1))).code == "LIMIT_REACHED"


async def test_a_hundred_at_once_do_not_come_past_a_books_end(people: People) -> None:
    with quotas(people, book_bytes=37, book_images=1_000):
        who = [people.owner, people.editor, people.contributor]
        answers = await asyncio.gather(*(insisted(who[n % 3], people.book_id, claimed(1)) for n in range(100)))
    assert [answer.code for answer in answers].count(None) == 37
    assert {answer.code for answer in answers} == {None, "LIMIT_REACHED"}
    [row] = await people.sql("SELECT sum(size) AS bytes FROM images WHERE book_id = $1", uuid_of(people.book_id))
    assert row["bytes"] == 37


async def test_a_hundred_at_once_do_not_come_past_a_persons_end_in_many_books(people: People) -> None:
    books = [await made_book(people.editor) for _ in range(10)]
    with quotas(people, user_bytes=37):
        answers = await asyncio.gather(*(insisted(people.editor, books[n % 10], claimed(1)) for n in range(100)))
    assert [answer.code for answer in answers].count(None) == 37
    [row] = await people.sql("SELECT sum(size) AS n FROM images WHERE uploader_id = $1", uuid_of(people.editor.user_id))
    assert row["n"] == 37


async def test_who_completes_late_has_the_room_that_was_kept(people: People) -> None:
    data = photo()
    late = await uploaded(people, people.editor, data)
    await people.sql("UPDATE images SET status_at = now() - interval '16 minutes' WHERE id = $1", uuid_of(late))
    with quotas(people, book_bytes=len(data)):
        assert (await request(people, people.editor, claimed(1))).code == "LIMIT_REACHED"
    # Where there is less room by now it has to wait.
    with quotas(people, book_bytes=len(data) - 1):
        refused = await complete(people.editor, late)
        assert (refused.code, refused.path) == ("LIMIT_REACHED", ["imageIds"])
        [row] = await people.sql("SELECT status FROM images WHERE id = $1", uuid_of(late))
        assert row["status"] == "PENDING"
    with quotas(people, book_bytes=len(data)):
        assert [image["status"] for image in await finished(people, people.editor, late)] == ["READY"]
    # Not by what it says: what it is counted by is what was declared, and nothing else can be put.
    one = await ticket(people, people.editor, photo())
    assert await put(people, one, photo() + b"!") in (400, 403)
