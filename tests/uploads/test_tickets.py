"""What a ticket is good for, and that it is for nothing else: rows S46 to S49, asked of a real store."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from storage.objects import Objects
from tests.people import People, uuid_of
from tests.uploads.putting import (
    complete,
    declared,
    finished,
    kept,
    late_tickets,
    photo,
    put,
    request,
    shown,
    status,
    ticket,
    uploaded,
    whole,
)

MEGABYTE = 10**6


async def test_more_than_was_declared_is_refused_and_leaves_nothing(people: People, bucket: Objects) -> None:
    """Row S46, with 64 MB for 1; SeaweedFS reads a form to its end before it says so."""
    one = (await request(people, people.editor, {**declared(photo()), "size": MEGABYTE})).it["tickets"][0]
    fields = {field["name"]: field["value"] for field in one["fields"]}
    before, after = b"", b"\r\n--end--\r\n"
    for name, value in fields.items():
        before += f'--end\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    before += b'--end\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'

    async def form() -> AsyncIterator[bytes]:
        yield before
        for _ in range(64):
            yield bytes(MEGABYTE)
        yield after

    headers = {"content-type": "multipart/form-data; boundary=end"}
    answer = await people.nobody.http.post(one["url"], content=form(), headers=headers)
    assert (answer.status_code, "EntityTooLarge" in answer.text) == (400, True)
    id = one["image"]["id"]
    assert (await kept(bucket, id), await status(people, id)) == (set(), "PENDING")
    refused = await complete(people.editor, id)
    assert (refused.code, refused.path) == ("INVALID", ["imageIds", "0"])


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "quarantine/another"},
        {"key": "images/another/original"},
        {"Content-Type": "text/html"},
        {"Content-Type": "image/png"},
        {"x-amz-checksum-sha256": "A" * 43 + "="},
        {"x-amz-signature": "0" * 64},
        {"acl": "public-read"},
        {"acl": "private"},
        {"acl": None},
    ],
)
async def test_a_ticket_puts_one_key_one_type_and_one_file(
    people: People, bucket: Objects, changed: dict[str, str | None]
) -> None:
    """Row S47."""
    data = photo()
    one = await ticket(people, people.editor, data)
    assert await put(people, one, data, **changed) == 403
    assert [found async for found in bucket.list("quarantine/another")] == []
    assert [found async for found in bucket.list("images/another")] == []
    assert await kept(bucket, one["image"]["id"]) == set()


async def test_a_ticket_is_for_its_bucket_and_for_posting(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    http = people.nobody.http
    assert await put(people, {**one, "url": one["url"] + "x"}, data) in (403, 404)
    query = "&".join(f"{name}={value}" for name, value in ((f["name"], f["value"]) for f in one["fields"]))
    key = f"{one['url']}/quarantine/{uuid_of(one['image']['id'])}"
    for answer in (
        await http.put(key, content=data),
        await http.put(f"{key}?{query}", content=data),
        await http.get(key),
        await http.delete(key),
        await http.get(one["url"]),
    ):
        assert answer.status_code in (400, 403)
    assert await kept(bucket, one["image"]["id"]) == set()


async def test_a_ticket_expires(people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    data = photo()
    late_tickets(people, monkeypatch)
    one = await ticket(people, people.editor, data)
    assert await put(people, one, data) == 403
    monkeypatch.undo()
    assert await kept(bucket, one["image"]["id"]) == set()
    assert await put(people, await ticket(people, people.editor, data), data) == 204


async def test_a_replay_reaches_the_quarantine_alone_and_another_is_not_completed_with_it(
    people: People, bucket: Objects
) -> None:
    """Rows S48 and S49: put twice, completed before it is put, with another's, twice at once, and put again after."""
    data, other = photo(), photo()
    one, two = await ticket(people, people.editor, data), await ticket(people, people.editor, other)
    id, waiting = one["image"]["id"], two["image"]["id"]
    assert (await complete(people.editor, id)).code == "INVALID"
    assert [await put(people, one, data) for _ in range(2)] == [204, 204]
    assert (await complete(people.editor, waiting)).code == "INVALID"
    assert (await complete(people.contributor, id)).code == "NOT_FOUND"
    both = await asyncio.gather(complete(people.editor, id), complete(people.editor, id))
    assert [answer.it["images"][0]["status"] for answer in both] == ["PROCESSING"] * 2
    # Still in time for the worker, which looks at what is there, and finds the same.
    assert await put(people, one, data) == 204
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]
    served = [found async for found in bucket.list(f"images/{uuid_of(id)}/")]
    assert await put(people, one, data) == 204
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]
    assert [found async for found in bucket.list(f"images/{uuid_of(id)}/")] == served
    assert await kept(bucket, id) == whole(id) | {f"quarantine/{uuid_of(id)}"}
    assert await status(people, waiting) == "PENDING"


async def test_it_can_be_completed_after_the_ticket_has_expired(people: People) -> None:
    id = await uploaded(people, people.editor, photo())
    await people.sql("UPDATE images SET status_at = now() - interval '3 hours' WHERE id = $1", uuid_of(id))
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]


async def test_bytes_that_another_book_holds_are_put_again(people: People) -> None:
    """Or whoever knows a digest would learn where it is, and get the photo."""
    data = photo()
    await shown(people, people.editor, data)
    made = await people.stranger.ask('mutation { createBook(input: {title: "Mine"}) { book { id } } }')
    book_id = made.it["book"]["id"]
    asked = await people.stranger.ask(
        "mutation($input: RequestUploadsInput!) { requestUploads(input: $input) { tickets { duplicate url } } }",
        input={"bookId": book_id, "files": [declared(data)]},
    )
    [one] = asked.data["requestUploads"]["tickets"]  # type: ignore[index]
    assert one["duplicate"] is False and urlsplit(one["url"]).path


async def test_no_key_holds_anything_that_a_client_has_said(people: People) -> None:
    """Row S50."""
    names = ["../../etc/passwd", "CON", "\u202egpj.exe", 'a"; x="', "a" * 255, "..", "quarantine/../images/x"]
    asked = [{**declared(photo()), "filename": name} for name in names]
    for one in (await request(people, people.editor, *asked)).it["tickets"]:
        [key] = [field["value"] for field in one["fields"] if field["name"] == "key"]
        assert key == f"quarantine/{uuid_of(one['image']['id'])}"
