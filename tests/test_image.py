"""Photos: tickets to put them, and who gets one."""

from datetime import datetime, timedelta
from typing import Any

from models.columns import now
from models.image import TICKET_LIFETIME
from storage.objects import Objects
from tests.people import People, uuid_of
from tests.uploads.putting import complete, declared, finished, kept, photo, put, request, shown, ticket

IMAGES = """
query Images($id: ID!) { book(id: $id) { images { nodes { id } totalCount } } }
"""


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
    named = "A photo is one of image/jpeg, image/png, image/webp, image/gif, image/avif, image/heic."
    assert everything.user_errors[1]["message"] == named
    for count in (0, 101):
        refused = await request(people, people.editor, *[good] * count)
        assert (refused.code, refused.path) == ("INVALID", ["input", "files"])
    assert (await people.editor.ask(IMAGES, id=people.book_id)).it["images"]["totalCount"] == 0
    largest = await request(people, people.editor, {**good, "size": 50 * 2**20})
    assert largest.it["tickets"][0]["image"]["status"] == "PENDING"


async def test_what_browsers_call_otherwise_is_taken_by_its_one_name(people: People) -> None:
    aliases = {"image/jpg": "image/jpeg", "image/heif": "image/heic", "image/heic-sequence": "image/heic"}
    for alias, name in aliases.items():
        [ticket] = (await request(people, people.editor, declared(photo(), contentType=alias))).it["tickets"]
        assert {"name": "Content-Type", "value": name} in ticket["fields"]
    await shown(people, people.editor, photo(), contentType="image/jpg")


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
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]
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


async def test_the_bucket_takes_no_other_bytes_than_those_declared(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    for other in (data + b"!", data[:-1], bytes(len(data))):
        assert await put(people, one, other) in (400, 403)
    assert await kept(bucket, one["image"]["id"]) == set()
    assert (await complete(people.editor, one["image"]["id"])).code == "INVALID"
