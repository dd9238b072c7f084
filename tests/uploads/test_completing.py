"""What becomes of photos that were put: told as it happens, the same however often it is asked for."""

import asyncio
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID, uuid4

import pytest

import storage.picture
from models.columns import now
from models.image import TICKET_LIFETIME
from resolvers.jobs import REGISTRY, discarding, photos
from resolvers.jobs.development import Development
from server.worker import Worker
from storage.jobs import Queue
from storage.objects import Described, Found, Objects
from tests.client import EVENTS, UPDATE_MEMBER
from tests.images import HTML, made
from tests.people import People, made_book, uuid_of
from tests.uploads.putting import (
    PARTS,
    complete,
    finished,
    kept,
    photo,
    put,
    shown,
    status,
    ticket,
    uploaded,
    whole,
    work,
)

IMAGE = """
query Image($id: ID!) {
  node(id: $id) {
    ... on Image {
      status failureReason filename contentType size sha256 width height thumbhash url uploader { id } placementCount
      original: url(variant: ORIGINAL)
    }
  }
}
"""
IMAGES = """
query Images($id: ID!, $uploader: ImageUploaderFilter) {
  book(id: $id) { images(uploader: $uploader) { nodes { id } totalCount } }
}
"""


async def test_a_contributor_adds_own_photos_and_touches_no_others(people: People) -> None:
    own = await uploaded(people, people.contributor, photo())
    others = await uploaded(people, people.editor, photo())
    # While it waits it is listed for its uploader alone, and there for nobody else.
    for person, seen in ((people.contributor, [own]), (people.editor, [others]), (people.owner, [])):
        listed = (await person.ask(IMAGES, id=people.book_id)).it["images"]
        assert ([image["id"] for image in listed["nodes"]], listed["totalCount"]) == (seen, len(seen))
    assert (await people.owner.ask(IMAGE, id=own)).it is None
    assert (await people.contributor.ask(IMAGE, id=own)).it["url"] is None
    for person, id in ((people.contributor, others), (people.editor, own), (people.owner, own)):
        refused = await complete(person, id)
        assert (refused.code, refused.path) == ("NOT_FOUND", ["imageIds", "0"])
    assert [image["status"] for image in await finished(people, people.contributor, own)] == ["READY"]
    # Now it is seen, and still nobody else's to complete.
    refused = await complete(people.editor, others, own)
    assert (refused.code, refused.path) == ("FORBIDDEN", ["imageIds", "1"])
    assert await status(people, others) == "PENDING"
    mine = (await people.editor.ask(IMAGES, id=people.book_id, uploader="VIEWER")).it["images"]["nodes"]
    assert mine == [{"id": others}]

    demoted = {"bookId": people.book_id, "userId": people.editor.user_id, "role": "VIEWER"}
    assert (await people.owner.ask(UPDATE_MEMBER, input=demoted)).code is None
    refused = await complete(people.editor, others)
    assert (refused.code, bool(refused.errors), await status(people, others)) == ("FORBIDDEN", True, "PENDING")


async def test_what_cannot_be_completed_changes_nothing(people: People) -> None:
    waiting = (await ticket(people, people.editor, photo()))["image"]["id"]
    there = await uploaded(people, people.editor, photo())
    elsewhere = await made_book(people.editor)
    foreign = await people.image("PENDING", of=people.editor, book_id=elsewhere)
    seq = await people.seq()
    for ids, code, path in (
        ([], "INVALID", ["imageIds"]),
        ([there] * 101, "INVALID", ["imageIds"]),
        ([there, waiting], "INVALID", ["imageIds", "1"]),
        ([there, foreign], "INVALID", ["imageIds", "1"]),
        ([there, there, f"im_{uuid4()}"], "NOT_FOUND", ["imageIds", "2"]),
        ([there, "nonsense"], "NOT_FOUND", ["imageIds", "1"]),
        ([people.book_id], "NOT_FOUND", ["imageIds", "0"]),
    ):
        refused = await complete(people.editor, *ids)
        assert (refused.code, refused.path) == (code, path), ids
    assert (await complete(people.nobody, there)).code == "UNAUTHENTICATED"
    both = await complete(people.editor, waiting, there, waiting)
    assert [error["path"] for error in both.user_errors] == [["imageIds", "0"], ["imageIds", "2"]]
    assert (await status(people, there), await status(people, waiting), await people.seq()) == ("PENDING",) * 2 + (seq,)
    await people.trash()
    refused = await complete(people.editor, there)
    assert (refused.code, refused.path, await status(people, there)) == ("GONE", ["imageIds"], "PENDING")


async def test_completing_ten_times_at_once_ends_once_and_is_told_once(people: People, bucket: Objects) -> None:
    data = photo()
    id = await uploaded(people, people.contributor, data)
    seq = await people.seq()
    async with people.viewer.follow(EVENTS, bookId=people.book_id, after=seq) as events:
        answers = await asyncio.gather(*(complete(people.contributor, id, id) for _ in range(10)))
        assert all(len(answer.it["images"]) == 2 for answer in answers)
        assert {image["status"] for answer in answers for image in answer.it["images"]} == {"PROCESSING"}
        assert len(await people.sql("SELECT 1 FROM jobs WHERE key = $1", uuid_of(id))) == 1
        await work(people)
        told = await events.take(2)
    assert [(event["seq"], [image["status"] for image in event["images"]]) for event in told] == [
        (seq + 1, ["PROCESSING"]),
        (seq + 2, ["READY"]),
    ]
    [again] = (await complete(people.contributor, id)).it["images"]
    assert (again["status"], again["width"], again["height"]) == ("READY", 60, 40)
    assert await people.seq() == seq + 2
    assert await kept(bucket, id) == whole(id)


async def test_wrong_bytes_fail_with_a_reason_and_leave_nothing(people: People, bucket: Objects) -> None:
    png = made(".png")
    cases = [
        (HTML + uuid4().hex.encode(), "image/jpeg"),
        (png, "image/jpeg"),
        (photo()[:200], "image/jpeg"),
        (b"GIF89a=1;alert(1);" + uuid4().hex.encode(), "image/gif"),
    ]
    ids = [await uploaded(people, people.editor, data, contentType=kind) for data, kind in cases]
    good = await uploaded(people, people.editor, photo())
    ended = await finished(people, people.editor, *ids, good)
    assert [image["status"] for image in ended] == ["FAILED"] * 4 + ["READY"]
    assert all(image["failureReason"] for image in ended[:4])
    for id in ids:
        assert await kept(bucket, id) == set()
        shown = (await people.viewer.ask(IMAGE, id=id)).it
        assert (shown["status"], shown["url"], shown["original"], shown["width"]) == ("FAILED", None, None, None)
    # Its uploader is told once for all of them, when no more has failed for a while.
    gather = "SELECT state FROM jobs WHERE name = 'mail.gather_photos' AND key = $1"
    owed = await people.sql(gather, f"{uuid_of(people.editor.user_id)}:{uuid_of(people.book_id)}")
    assert [job["state"] for job in owed] == ["WAITING"]
    # It ended: completing it again gives the same end.
    again = (await complete(people.editor, ids[0])).it
    assert (again["images"][0], again["seq"]) == (ended[0], await people.seq())


async def test_a_ticket_used_again_changes_nothing_that_is_served(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    id = one["image"]["id"]
    assert await put(people, one, data) == 204
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]
    served = (await people.viewer.ask(IMAGE, id=id)).it["url"]
    first = await people.nobody.http.get(served)
    await put(people, one, data)
    assert await put(people, one, data[:-1] + b"!") in (400, 403)
    assert (await complete(people.editor, id)).it["images"][0]["status"] == "READY"
    again = await people.nobody.http.get(served)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    # What was put again goes when the ticket has expired.
    assert await kept(bucket, id) == whole(id) | {f"quarantine/{uuid_of(id)}"}
    await Worker(people.app.parts, REGISTRY).drain(upto=now() + TICKET_LIFETIME + timedelta(minutes=1))
    assert await kept(bucket, id) == whole(id)


async def test_a_ticket_used_again_after_its_photo_was_refused_keeps_nothing(people: People, bucket: Objects) -> None:
    data = HTML + uuid4().hex.encode()
    one = await ticket(people, people.editor, data)
    assert await put(people, one, data) == 204
    [image] = await finished(people, people.editor, one["image"]["id"])
    assert (image["status"], await kept(bucket, image["id"])) == ("FAILED", set())
    assert await put(people, one, data) == 204
    assert await kept(bucket, image["id"]) == {f"quarantine/{uuid_of(image['id'])}"}
    await Worker(people.app.parts, REGISTRY).drain(upto=now() + TICKET_LIFETIME + timedelta(minutes=1))
    assert await kept(bucket, image["id"]) == set()


async def test_what_others_have_of_a_photo_that_was_refused_is_not_discarded(people: People, bucket: Objects) -> None:
    """As after a database that was put back: the row, or another image, says that the bytes are its."""
    id = await shown(people, people.editor, photo())
    raw = uuid_of(id)
    keys = [f"images/{raw}/{part}" for part in PARTS]

    async def discard(image_id: str) -> set[str]:
        job = discarding.DISCARD.job(discarding.Refused(UUID(image_id), keys))
        async with people.app.parts.database.session.begin() as session:
            await Queue.put(session, [job])
        await work(people)
        return await kept(bucket, id)

    # A row that has it, of an image that is there no more.
    assert await discard(str(uuid4())) == whole(id)
    # Another image that has it.
    other = uuid_of(await people.image("FAILED", of=people.editor))
    await people.sql("UPDATE images SET object_id = $1 WHERE id = $2", raw, other)
    assert await discard(other) == whole(id)
    # Nobody else.
    await people.sql("DELETE FROM images WHERE id = $1", raw)
    assert await discard(other) == set()


async def test_a_check_that_could_not_be_made_is_made_again(
    people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await uploaded(people, people.editor, photo()) for _ in range(3)]
    assert (await complete(people.editor, *ids)).code is None
    worker = Worker(people.app.parts, REGISTRY)
    with monkeypatch.context() as busy:
        busy.setattr(storage.picture, "WAITING", 0)
        await worker.drain()
    tried = "SELECT state, tries FROM jobs WHERE name = 'photo.develop' AND key = ANY($1)"
    assert [tuple(job) for job in await people.sql(tried, [*map(uuid_of, ids)])] == [("WAITING", 1)] * 3
    for id in ids:
        assert f"quarantine/{uuid_of(id)}" in await kept(bucket, id)
        assert await status(people, id) == "PROCESSING"
    assert [image["status"] for image in await finished(people, people.editor, *ids)] == ["READY"] * 3


async def test_what_is_put_anew_while_it_is_taken_in_is_taken_in_by_the_next_try(
    people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket that looks at no sum lets the same ticket put something else, at any moment."""
    data = photo()
    id = await uploaded(people, people.editor, data)
    assert (await complete(people.editor, id)).code is None
    key, objects, found = f"quarantine/{uuid_of(id)}", people.app.parts.objects, []
    how: Described = {"content_type": "image/jpeg", "content_disposition": "inline", "cache_control": "no-store"}

    async def head_and_put(asked: str) -> Found | None:
        found.append(await bucket.head(asked))
        if len(found) == 1:
            await bucket.store(key, BytesIO(data[::-1]), **how)
        return found[-1]

    monkeypatch.setattr(objects, "head", head_and_put)
    worker = Worker(people.app.parts, REGISTRY)
    await worker.drain()
    tried = "SELECT state, tries FROM jobs WHERE name = 'photo.develop' AND key = $1"
    assert [tuple(job) for job in await people.sql(tried, uuid_of(id))] == [("WAITING", 1)]
    assert (await kept(bucket, id), await status(people, id)) == ({key}, "PROCESSING")
    [image] = await finished(people, people.editor, id)
    assert (image["status"], await kept(bucket, id)) == ("FAILED", set())


@pytest.mark.parametrize("longer", [0, 1, -1])
async def test_what_is_put_anew_once_it_was_taken_in_is_looked_at_by_nobody(
    people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch, longer: int
) -> None:
    data = photo()
    id = await uploaded(people, people.editor, data)
    assert (await complete(people.editor, id)).code is None
    how: Described = {"content_type": "image/jpeg", "content_disposition": "inline", "cache_control": "no-store"}
    size = len(data) + longer
    # The first try ends after it has taken the file in; before the second, the quarantine has another.
    with monkeypatch.context() as busy:
        busy.setattr(storage.picture, "WAITING", 0)
        await Worker(people.app.parts, REGISTRY).drain()
    await bucket.store(f"quarantine/{uuid_of(id)}", BytesIO(photo()[:size].ljust(size, b"!")), **how)
    [image] = await finished(people, people.editor, id)
    assert image["status"] == "READY"
    content = BytesIO()
    await bucket.read_into(f"images/{uuid_of(id)}/original", content, len(data))
    assert content.getvalue() == data


async def test_what_no_try_came_to_an_end_with_fails_and_can_be_uploaded_again(
    people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = photo()
    id = await uploaded(people, people.editor, data)
    assert (await complete(people.editor, id)).code is None
    with monkeypatch.context() as busy:
        busy.setattr(storage.picture, "WAITING", 0)
        worker = Worker(people.app.parts, REGISTRY)
        await worker.drain(upto=now() + timedelta(hours=1))
    tried = "SELECT state, tries FROM jobs WHERE name = 'photo.develop' AND key = $1"
    assert [tuple(job) for job in await people.sql(tried, uuid_of(id))] == [("DEAD", photos.TRIES)]
    [image] = (await complete(people.editor, id)).it["images"]
    assert (image["status"], image["failureReason"]) == ("FAILED", photos.NOT_PROCESSED)
    assert await kept(bucket, id) == set()
    again = await ticket(people, people.editor, data)
    assert (again["duplicate"], again["image"]["id"] == id) == (False, False)
    assert await put(people, again, data) == 204
    [image] = await finished(people, people.editor, again["image"]["id"])
    assert image["status"] == "READY"


async def test_bytes_that_are_gone_or_others_fail(people: People, bucket: Objects) -> None:
    """As on a store that does not hold tickets to what they say."""
    data = photo()
    cases = {
        None: "The bytes are gone from the bucket.",
        data + b"!": "The file is longer than declared.",
        data[:-1]: "The file is not as long as declared.",
        data[:-1] + b"\0": "The bytes are not those declared: their SHA-256 is another.",
    }
    for other, reason in cases.items():
        id = await uploaded(people, people.editor, data)
        assert (await complete(people.editor, id)).code is None
        if other is None:
            await bucket.delete([f"quarantine/{uuid_of(id)}"])
        else:
            how = {"content_type": "image/jpeg", "content_disposition": "attachment", "cache_control": "no-store"}
            await bucket.store(f"quarantine/{uuid_of(id)}", BytesIO(other), **how)
        [image] = await finished(people, people.editor, id)
        assert (image["status"], image["failureReason"]) == ("FAILED", reason)
        assert await kept(bucket, id) == set()


async def test_one_that_is_thrown_away_meanwhile_is_ready_when_it_comes_back(people: People, bucket: Objects) -> None:
    id = await uploaded(people, people.editor, photo())
    assert (await complete(people.editor, id)).code is None
    await people.sql("UPDATE images SET deleted_at = now() WHERE id = $1", uuid_of(id))
    seq = await people.seq()
    await work(people)
    assert (await status(people, id), await people.seq()) == ("READY", seq)
    await people.sql("UPDATE images SET deleted_at = NULL WHERE id = $1", uuid_of(id))
    assert (await people.viewer.ask(IMAGE, id=id)).it["url"].startswith("http")


async def test_one_that_goes_for_good_meanwhile_leaves_nothing(
    people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await uploaded(people, people.editor, photo())
    assert (await complete(people.editor, id)).code is None
    keep = Development.keep

    async def kept_then_gone(development: Development, *how: Any) -> None:
        await keep(development, *how)
        assert await kept(bucket, id) > whole(id)
        await people.sql("DELETE FROM images WHERE id = $1", uuid_of(id))

    monkeypatch.setattr(Development, "keep", kept_then_gone)
    await work(people)
    assert await kept(bucket, id) == set()


async def test_hostile_names_are_shown_as_they_are_and_served_as_plain_ones(people: People) -> None:
    names = {
        "../../etc/passwd.jpg": "_.._etc_passwd",
        "..\\windows\\a.jpeg": "_windows_a",
        'a"; filename="evil.html': 'a"; filename="evil.html',
        "\u202egpj.exe": "gpj.exe",
        "CON.jpg": "_CON",
        "🌊" * 255: "🌊" * 120,
        "%0d%0aSet-Cookie: a.jpg": "%0d%0aSet-Cookie: a",
        "  Über uns.JPG ": "Über uns",
        "Dr. Smith": "Dr. Smith",
    }
    ids = [await uploaded(people, people.editor, photo(), filename=name) for name in names]
    assert {image["status"] for image in await finished(people, people.editor, *ids)} == {"READY"}
    for id, (name, stem) in zip(ids, names.items(), strict=True):
        seen = (await people.viewer.ask(IMAGE, id=id)).it
        own = (await people.editor.ask(IMAGE, id=id)).it
        assert seen["filename"] == name.strip()
        for url, kind, suffixes in (
            (seen["url"], "inline", {"webp"}),
            (seen["original"], "attachment", {"jpg", "jpeg", "JPG"}),
            (own["original"], "attachment", {"jpg", "jpeg", "JPG"}),
        ):
            assert name not in unquote(urlsplit(url).path)
            got = await people.nobody.http.get(url)
            kinds = ("image/webp", "image/jpeg")
            assert (got.status_code, got.headers["content-type"]) == (200, kinds[kind == "attachment"])
            header = got.headers["content-disposition"]
            assert header == parse_qs(urlsplit(url).query)["response-content-disposition"][0]
            assert header.split(";")[0] == kind
            assert header.isascii() and "set-cookie" not in got.headers
            named, _, suffix = unquote(header.rpartition("filename*=UTF-8''")[2]).rpartition(".")
            assert suffix in suffixes
            assert stem.startswith(named) and len(named + suffix) >= min(len(stem), 119)


async def test_one_that_somebody_else_made_ready_meanwhile_keeps_its_bytes(
    people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an older program does that checks it as well; and it may be copied, and go, before we come to our end."""
    keep = Development.keep

    async def kept_and_made_ready(development: Development, *how: Any) -> None:
        await keep(development, *how)
        await people.sql("UPDATE images SET status = 'READY' WHERE id = $1", development.image.id)
        if development.image.filename == "copied.jpg":
            await people.sql("UPDATE images SET id = gen_random_uuid() WHERE id = $1", development.image.id)

    monkeypatch.setattr(Development, "keep", kept_and_made_ready)
    for filename in ("ours.jpg", "copied.jpg"):
        id = await uploaded(people, people.editor, photo(), filename=filename)
        assert (await complete(people.editor, id)).code is None
        await work(people)
        assert await kept(bucket, id) == whole(id)


async def test_one_whose_end_was_lost_with_a_database_that_was_put_back_ends_the_same(
    people: People, bucket: Objects
) -> None:
    id = await uploaded(people, people.editor, photo())
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]
    await people.sql("UPDATE images SET status = 'PROCESSING', thumbhash = NULL WHERE id = $1", uuid_of(id))
    await people.app.parts.database.fetch_value("DELETE FROM jobs")
    async with people.app.parts.database.session.begin() as session:
        await Queue.put(session, [photos.DEVELOP.job(photos.Photo(UUID(uuid_of(id))))])
    await work(people)
    assert (await status(people, id), await kept(bucket, id)) == ("READY", whole(id))
