"""Photos: tickets, and what becomes of the bytes that were put."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import pytest

import storage.picture
from models.columns import now
from models.image import CHECK_LIFETIME, TICKET_LIFETIME
from storage.objects import Objects
from tests.client import COMPLETE_UPLOADS, EVENTS, REQUEST_UPLOADS, UPDATE_MEMBER, Answer, Client
from tests.images import HTML, made
from tests.people import People, made_book, uuid_of

JPEG = made(".jpg")
IMAGE = """
query Image($id: ID!) {
  node(id: $id) {
    ... on Image {
      status failureReason filename contentType size sha256 width height url uploader { id } placementCount
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


def photo(mark: str = "") -> bytes:
    """A JPEG like no other: decoders do not mind what comes after its end."""
    return JPEG + (mark or uuid4().hex).encode()


def declared(data: bytes, **otherwise: Any) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"filename": "a.jpg", "contentType": "image/jpeg", "size": len(data), "sha256": digest, **otherwise}


async def request(people: People, by: Client, *files: dict[str, Any]) -> Answer:
    return await by.ask(REQUEST_UPLOADS, input={"bookId": people.book_id, "files": list(files)})


async def ticket(people: People, by: Client, data: bytes, **otherwise: Any) -> dict[str, Any]:
    [one] = (await request(people, by, declared(data, **otherwise))).it["tickets"]
    return dict(one)


async def put(people: People, ticket: dict[str, Any], data: bytes) -> int:
    fields = {field["name"]: field["value"] for field in ticket["fields"]}
    answer = await people.nobody.http.post(ticket["url"], data=fields, files={"file": ("a.jpg", data)})
    return answer.status_code


async def uploaded(people: People, by: Client, data: bytes, **otherwise: Any) -> str:
    """The image of bytes that are in the bucket, and not yet checked."""
    one = await ticket(people, by, data, **otherwise)
    assert await put(people, one, data) == 204
    return str(one["image"]["id"])


async def complete(by: Client, *ids: str) -> Answer:
    return await by.ask(COMPLETE_UPLOADS, ids=list(ids))


async def kept(bucket: Objects, id: str) -> set[str]:
    """The keys in the bucket that have to do with an image."""
    prefixes = (f"quarantine/{uuid_of(id)}", f"images/{uuid_of(id)}")
    return {found.key for prefix in prefixes async for found in bucket.list(prefix)}


async def status(people: People, id: str) -> str:
    [row] = await people.sql("SELECT status FROM images WHERE id = $1", uuid_of(id))
    return str(row["status"])


async def test_every_file_that_cannot_be_taken_is_named_with_all_that_is_wrong_with_it(people: People) -> None:
    good = declared(photo())
    bad: list[tuple[dict[str, Any], str, str]] = [
        ({"filename": ""}, "INVALID", "filename"),
        ({"filename": "x" * 256}, "INVALID", "filename"),
        ({"filename": "x" * 4096}, "INVALID", "filename"),
        ({"filename": "a\r\nSet-Cookie: b.jpg"}, "INVALID", "filename"),
        ({"contentType": "text/html"}, "UNSUPPORTED_TYPE", "contentType"),
        ({"contentType": "image/svg+xml"}, "UNSUPPORTED_TYPE", "contentType"),
        ({"contentType": "image/JPEG"}, "UNSUPPORTED_TYPE", "contentType"),
        ({"size": 0}, "INVALID", "size"),
        ({"size": -1}, "INVALID", "size"),
        ({"size": 50 * 2**20 + 1}, "TOO_LARGE", "size"),
        ({"size": 2**31 - 1}, "TOO_LARGE", "size"),
        ({"sha256": ""}, "INVALID", "sha256"),
        ({"sha256": good["sha256"].upper()}, "INVALID", "sha256"),
        ({"sha256": good["sha256"] + "\n"}, "INVALID", "sha256"),
        ({"sha256": good["sha256"][:-1]}, "INVALID", "sha256"),
    ]
    refused = await request(people, people.editor, good, *({**good, **wrong} for wrong, _, _ in bad))
    assert [(error["code"], error["path"]) for error in refused.user_errors] == [
        (code, ["input", "files", str(place), field]) for place, (_, code, field) in enumerate(bad, start=1)
    ]
    everything = await request(people, people.editor, {"filename": " ", "contentType": "", "size": 0, "sha256": "?"})
    assert [error["path"][-1] for error in everything.user_errors] == ["filename", "contentType", "size", "sha256"]
    for count in (0, 101):
        refused = await request(people, people.editor, *[good] * count)
        assert (refused.code, refused.path) == ("INVALID", ["input", "files"])
    assert (await people.editor.ask(IMAGES, id=people.book_id)).it["images"]["totalCount"] == 0
    largest = await request(people, people.editor, {**good, "size": 50 * 2**20})
    assert largest.it["tickets"][0]["image"]["status"] == "PENDING"


async def test_who_may_not_add_photos_gets_no_ticket(people: People) -> None:
    good = declared(photo())
    for person, code in (
        (people.viewer, "FORBIDDEN"),
        (people.stranger, "NOT_FOUND"),
        (people.invited, "NOT_FOUND"),
        (people.nobody, "UNAUTHENTICATED"),
    ):
        refused = await request(people, person, good)
        assert (refused.code, bool(refused.errors)) == (code, True)
    await people.trash()
    refused = await request(people, people.editor, good)
    assert (refused.code, refused.path) == ("GONE", ["input", "bookId"])
    assert await people.sql("SELECT 1 FROM images WHERE book_id = $1", uuid_of(people.book_id)) == []


async def test_a_digest_that_waits_keeps_its_image_and_one_that_is_there_needs_no_ticket(people: People) -> None:
    data = photo()
    first = await ticket(people, people.editor, data, contentType="image/png", filename="first.png")
    assert (first["duplicate"], first["method"]) == (False, "POST")
    left = datetime.fromisoformat(first["expiresAt"]) - now()
    assert timedelta(minutes=14) < left <= TICKET_LIFETIME
    second = await ticket(people, people.editor, data, filename="second.jpg")
    assert (second["image"]["id"], second["duplicate"]) == (first["image"]["id"], False)
    assert second["fields"] != first["fields"]
    # Another's waiting image is not theirs to fill.
    other = await ticket(people, people.contributor, data)
    assert other["image"]["id"] != first["image"]["id"]

    # Twice in one request is one image too.
    twice = (await request(people, people.editor, declared(data), declared(data))).it["tickets"]
    assert [one["image"]["id"] for one in twice] == [first["image"]["id"]] * 2

    id = first["image"]["id"]
    assert await put(people, second, data) == 204
    assert (await complete(people.editor, id)).it["images"][0]["status"] == "READY"
    for person in (people.editor, people.contributor, people.owner):
        again = await ticket(people, person, data)
        assert again == {
            "image": {"id": id, "status": "READY"},
            "duplicate": True,
            "url": None,
            "method": None,
            "fields": [],
            "expiresAt": None,
        }
    # One that was refused is asked for anew.
    await people.sql("UPDATE images SET status = 'FAILED' WHERE id = $1", uuid_of(id))
    assert (await ticket(people, people.owner, data))["duplicate"] is False


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
    assert (await complete(people.contributor, own)).it["images"][0]["status"] == "READY"
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
        assert {image["status"] for answer in answers for image in answer.it["images"]} <= {"PROCESSING", "READY"}
        told = await events.take(2)
    assert [(event["seq"], [image["status"] for image in event["images"]]) for event in told] == [
        (seq + 1, ["PROCESSING"]),
        (seq + 2, ["READY"]),
    ]
    [again] = (await complete(people.contributor, id)).it["images"]
    assert (again["status"], again["width"], again["height"]) == ("READY", 60, 40)
    assert await people.seq() == seq + 2
    assert await kept(bucket, id) == {f"images/{uuid_of(id)}/original"}


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
    ended = (await complete(people.editor, *ids, good)).it["images"]
    assert [image["status"] for image in ended] == ["FAILED"] * 4 + ["READY"]
    assert all(image["failureReason"] for image in ended[:4])
    for id in ids:
        assert await kept(bucket, id) == set()
        shown = (await people.viewer.ask(IMAGE, id=id)).it
        assert (shown["status"], shown["url"], shown["original"], shown["width"]) == ("FAILED", None, None, None)
    # It ended: completing it again gives the same end.
    again = (await complete(people.editor, ids[0])).it
    assert (again["images"][0], again["seq"]) == (ended[0], await people.seq())


async def test_the_bucket_takes_no_other_bytes_than_those_declared(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    for other in (data + b"!", data[:-1], bytes(len(data))):
        assert await put(people, one, other) in (400, 403)
    assert await kept(bucket, one["image"]["id"]) == set()
    assert (await complete(people.editor, one["image"]["id"])).code == "INVALID"


async def test_a_ticket_used_again_changes_nothing_that_is_served(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    id = one["image"]["id"]
    assert await put(people, one, data) == 204
    assert (await complete(people.editor, id)).it["images"][0]["status"] == "READY"
    served = (await people.viewer.ask(IMAGE, id=id)).it["url"]
    first = await people.nobody.http.get(served)
    await put(people, one, data)
    assert await put(people, one, data[:-1] + b"!") in (400, 403)
    assert (await complete(people.editor, id)).it["images"][0]["status"] == "READY"
    again = await people.nobody.http.get(served)
    assert (first.content, again.content, again.headers["etag"]) == (data, data, first.headers["etag"])
    assert await kept(bucket, id) <= {f"images/{uuid_of(id)}/original", f"quarantine/{uuid_of(id)}"}


async def test_hostile_names_are_shown_as_they_are_and_served_as_plain_ones(people: People) -> None:
    names = {
        "../../etc/passwd.jpg": "_.._etc_passwd.jpg",
        "..\\windows\\a.jpg": "_windows_a.jpg",
        'a"; filename="evil.html': 'a"; filename="evil.html',
        "\u202egpj.exe": "gpj.exe",
        "CON.jpg": "_CON.jpg",
        "🌊" * 255: "🌊" * 120,
        "%0d%0aSet-Cookie: a.jpg": "%0d%0aSet-Cookie: a.jpg",
        "  Über uns.jpg ": "Über uns.jpg",
    }
    ids = [await uploaded(people, people.editor, photo(), filename=name) for name in names]
    assert {image["status"] for image in (await complete(people.editor, *ids)).it["images"]} == {"READY"}
    for id, (name, plain) in zip(ids, names.items(), strict=True):
        shown = (await people.viewer.ask(IMAGE, id=id)).it
        assert shown["filename"] == name.strip()
        for url, kind in ((shown["url"], "inline"), (shown["original"], "attachment")):
            assert name not in unquote(urlsplit(url).path)
            got = await people.nobody.http.get(url)
            assert (got.status_code, got.headers["content-type"]) == (200, "image/jpeg")
            header = got.headers["content-disposition"]
            assert header == parse_qs(urlsplit(url).query)["response-content-disposition"][0]
            assert header.split(";")[0] == kind
            assert header.isascii() and "set-cookie" not in got.headers
            assert unquote(header.rpartition("filename*=UTF-8''")[2]) == plain


async def test_a_check_that_died_can_be_made_again_and_holds_nothing_meanwhile(people: People) -> None:
    data = photo()
    id = await uploaded(people, people.editor, data)
    await _is_being_checked(people, id, timedelta(seconds=1))
    # It may still be under way: neither begun again nor put again.
    assert (await complete(people.editor, id)).it["images"][0]["status"] == "PROCESSING"
    assert (await ticket(people, people.owner, data))["duplicate"] is True
    await _is_being_checked(people, id, CHECK_LIFETIME + timedelta(seconds=1))
    assert (await ticket(people, people.owner, data))["duplicate"] is False
    assert (await complete(people.editor, id)).it["images"][0]["status"] == "READY"


async def test_a_check_that_could_not_be_made_is_made_at_the_next_try(
    people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await uploaded(people, people.editor, photo()) for _ in range(3)]
    with monkeypatch.context() as busy:
        busy.setattr(storage.picture, "WAITING", 0)
        refused = await complete(people.editor, *ids)
    assert (refused.code, bool(refused.errors)) == ("UNAVAILABLE", True)
    for id in ids:
        assert await kept(bucket, id) == {f"quarantine/{uuid_of(id)}"}
    ended = (await complete(people.editor, *ids)).it["images"]
    assert [image["status"] for image in ended] == ["READY"] * 3


async def test_a_check_of_bytes_that_are_gone_fails(people: People, bucket: Objects) -> None:
    id = await uploaded(people, people.editor, photo())
    await _is_being_checked(people, id, CHECK_LIFETIME + timedelta(seconds=1))
    await bucket.delete([f"quarantine/{uuid_of(id)}"])
    [image] = (await complete(people.editor, id)).it["images"]
    assert (image["status"], image["failureReason"]) == ("FAILED", "The bytes are gone from the bucket.")


async def test_a_book_has_at_most_ten_thousand_photos(people: People) -> None:
    await people.sql(
        "INSERT INTO images (id, book_id, status, status_at, filename, content_type, size, sha256, created_at)"
        " SELECT gen_random_uuid(), $1, 'READY', now(), 'a.jpg', 'image/jpeg', 1, 'digest' || n, now()"
        " FROM generate_series(1, 9999) AS n",
        uuid_of(people.book_id),
    )
    two = [declared(photo()), declared(photo())]
    refused = await request(people, people.contributor, *two)
    assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "files"])
    assert (await people.contributor.ask(IMAGES, id=people.book_id)).it["images"]["totalCount"] == 9999
    assert (await request(people, people.contributor, two[0])).code is None
    assert (await request(people, people.contributor, two[1])).code == "LIMIT_REACHED"
    # What waits already needs no more room.
    assert (await request(people, people.contributor, two[0])).code is None


async def _is_being_checked(people: People, id: str, since: timedelta) -> None:
    """As it is left by a process that was killed so long ago."""
    await people.sql(
        "UPDATE images SET status = 'PROCESSING', status_at = now() - $2::interval WHERE id = $1", uuid_of(id), since
    )
