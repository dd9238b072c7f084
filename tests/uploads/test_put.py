"""Tickets by PUT, for stores that take no forms: what they are good for, asked of a real store and of bad ones."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from models.image import TICKET_LIFETIME
from server import safeguards
from server.embedded import Stack
from server.preparation import objects_of
from server.settings import Settings
from storage.objects import Objects
from tests.operations.lax import Lax, laxly
from tests.people import People, uuid_of
from tests.uploads.putting import (
    complete,
    declared,
    finished,
    kept,
    late_tickets,
    photo,
    request,
    status,
    ticket,
    whole,
)

ORIGIN = "https://books.example.org"
SIGNED = {"content-length", "content-type", "host", "x-amz-checksum-sha256"}
NOSNIFF = "its answers are without `nosniff`: have what stands before it add that (see Caddyfile)."
SIZE = "it takes uploads of another size than was signed; the worker checks it."
#: Bytes of the doctor's own file.
DOCTORS = 28
COPIES = "with a ticket an uploader can pass off any file in the bucket as their own."


@pytest.fixture(scope="module")
def base(base: Settings) -> Settings:
    """Of a house whose tickets are for PUT; all that is served here has these settings."""
    return base.model_copy(update={"s3_tickets": "put"})


async def put(people: People, one: dict[str, Any], data: Any, **changed: str | None) -> int:
    """What the bucket says to the file, with some of its headers changed, added or (None) left out."""
    assert one["method"] == "PUT"
    headers = {**{field["name"]: field["value"] for field in one["fields"]}, **changed}
    given = {name: value for name, value in headers.items() if value is not None}
    return (await people.nobody.http.put(one["url"], content=data, headers=given)).status_code


async def is_untouched(people: People, bucket: Objects, one: dict[str, Any]) -> bool:
    """Whether nothing has come of it: no file, and nothing that could be completed."""
    id = one["image"]["id"]
    refused = await complete(people.editor, id)
    return (await kept(bucket, id), await status(people, id), refused.code) == (set(), "PENDING", "INVALID")


async def test_a_file_is_put_and_becomes_a_photo(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    id = one["image"]["id"]
    assert [field["name"] for field in one["fields"]] == ["Content-Type", "x-amz-checksum-sha256"]
    address = httpx.URL(one["url"])
    assert address.path.endswith(f"/quarantine/{uuid_of(id)}")
    assert set(address.params["X-Amz-SignedHeaders"].split(";")) == SIGNED
    assert address.params["X-Amz-Expires"] == str(int(TICKET_LIFETIME.total_seconds()))
    assert await put(people, one, data) == 200
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]
    assert await kept(bucket, id) == whole(id)


@pytest.mark.parametrize("change", [lambda data: data + b"!", lambda data: data[:-1], lambda data: b""])
async def test_another_size_is_refused_by_the_store(people: People, bucket: Objects, change: Any) -> None:
    """By its signature, even where the digest is that of the bytes."""
    data = photo()
    one = (await request(people, people.editor, {**declared(change(data)), "size": len(data)})).it["tickets"][0]
    assert await put(people, one, change(data)) == 403
    assert await is_untouched(people, bucket, one)


async def test_a_size_that_is_not_said_is_refused_by_the_store(people: People, bucket: Objects) -> None:
    data = photo()

    async def chunks() -> AsyncIterator[bytes]:
        yield data
        yield bytes(10**6)

    one = await ticket(people, people.editor, data)
    assert await put(people, one, chunks()) == 403
    assert await is_untouched(people, bucket, one)


async def test_another_file_of_the_same_size_is_refused_by_the_store(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    assert await put(people, one, data[:-1] + b"!") == 400
    assert await is_untouched(people, bucket, one)


@pytest.mark.parametrize(
    "changed",
    [
        {"Content-Type": "text/html"},
        {"Content-Type": None},
        {"x-amz-checksum-sha256": "A" * 43 + "="},
        {"x-amz-checksum-sha256": None},
    ],
)
async def test_another_type_or_digest_is_refused_by_the_store(
    people: People, bucket: Objects, changed: dict[str, str | None]
) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    assert await put(people, one, data, **changed) == 403
    assert await is_untouched(people, bucket, one)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (r"/quarantine/[^?]+", "/quarantine/another"),
        (r"/quarantine/[^?]+", "/images/another/original"),
        (r"X-Amz-Signature=\w+", f"X-Amz-Signature={'0' * 64}"),
        (r"X-Amz-Expires=\d+", "X-Amz-Expires=604800"),
        (r"content-length%3B", ""),
        (r"$", "&acl"),
        (r"$", "&uploadId=1&partNumber=1"),
    ],
)
async def test_a_ticket_puts_one_file_under_one_key(people: People, bucket: Objects, ours: str, theirs: str) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    assert len(re.findall(ours, one["url"])) == 1
    assert await put(people, {**one, "url": re.sub(ours, theirs, one["url"])}, data) == 403
    assert [found async for found in bucket.list("quarantine/another")] == []
    assert [found async for found in bucket.list("images/another")] == []
    assert await is_untouched(people, bucket, one)


@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-meta-extra", "x-amz-tagging"])
async def test_a_header_that_nobody_signed_is_refused_by_the_store(people: People, bucket: Objects, name: str) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    assert await put(people, one, data, **{name: "public-read"}) == 403
    assert await is_untouched(people, bucket, one)


async def test_a_photo_is_not_had_by_naming_it_in_place_of_putting_it(
    people: People, bucket: Objects, base: Settings
) -> None:
    """Or whoever knows a digest would get the original: it is reported of MinIO, and the doctor looks for it."""
    data = photo()
    theirs = await ticket(people, people.owner, data)
    assert await put(people, theirs, data) == 200
    named = f"/{base.s3_bucket}/quarantine/{uuid_of(theirs['image']['id'])}"
    one = await ticket(people, people.editor, photo())
    assert await put(people, one, data, **{"x-amz-copy-source": named}) == 403
    assert await is_untouched(people, bucket, one)


async def test_a_ticket_neither_reads_nor_deletes(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    assert await put(people, one, data) == 200
    # With all that was signed, so that only the method is another.
    headers = {field["name"]: field["value"] for field in one["fields"]}
    for method, refusal in (("GET", 403), ("HEAD", 403), ("DELETE", 403), ("POST", 405)):
        answer = await people.nobody.http.request(method, one["url"], content=data, headers=headers)
        assert answer.status_code == refusal
    assert await kept(bucket, one["image"]["id"]) == {f"quarantine/{uuid_of(one['image']['id'])}"}


async def test_a_ticket_expires(people: People, bucket: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    data = photo()
    late_tickets(people, monkeypatch)
    one = await ticket(people, people.editor, data)
    assert await put(people, one, data) == 403
    monkeypatch.undo()
    assert await is_untouched(people, bucket, one)
    assert await put(people, await ticket(people, people.editor, data), data) == 200


async def test_a_replay_changes_nothing_of_a_photo_that_is_ready(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.editor, data)
    id = one["image"]["id"]
    assert [await put(people, one, data) for _ in range(2)] == [200, 200]
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]
    served, seq = [found async for found in bucket.list(f"images/{uuid_of(id)}/")], await people.seq()
    assert await put(people, one, data) == 200
    assert [image["status"] for image in await finished(people, people.editor, id)] == ["READY"]
    assert [found async for found in bucket.list(f"images/{uuid_of(id)}/")] == served
    assert await people.seq() == seq
    # It lies there, is never served, and the sweep takes it.
    assert await kept(bucket, id) == whole(id) | {f"quarantine/{uuid_of(id)}"}


async def test_a_page_of_ours_may_put_and_one_of_others_may_not(base: Settings, tmp_path: Path) -> None:
    """SeaweedFS answers a preflight by its own list of origins, and the PUT by the bucket's rule."""
    async with Stack(tmp_path, postgres=False, valkey=False, origins=(ORIGIN,)) as found, httpx.AsyncClient() as page:
        there = {name: getattr(found, name) for name in ("s3_endpoint", "s3_access_key", "s3_secret_key")}
        async with objects_of(base.model_copy(update=there)) as objects:
            await objects.prepare([ORIGIN])
            one = objects.ticket("a", "image/jpeg", 1, declared(b"a")["sha256"], TICKET_LIFETIME)
        wanted = ", ".join(sorted(name.lower() for name in one.fields))
        asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": wanted}

        async def allowed(origin: str) -> tuple[int, set[str | None]]:
            preflight = await page.options(one.url, headers={"Origin": origin, **asked})
            answer = await page.put(one.url, content=b"a", headers={"Origin": origin, **one.fields})
            assert answer.status_code == 200
            return preflight.status_code, {
                each.headers.get("Access-Control-Allow-Origin") for each in (preflight, answer)
            }

        assert await allowed(ORIGIN) == (200, {ORIGIN})
        assert await allowed("https://evil.example") == (403, {None})


# --- what the doctor says


class Copying(Lax):
    """Lax, and it copies what a PUT names."""

    async def answer(self, request: web.Request) -> web.Response:
        answer = await super().answer(request)
        if source := request.headers.get("x-amz-copy-source"):
            self.files[request.path.strip("/").partition("/")[2]] = self.files[source.strip("/").partition("/")[2]]
        return answer


class Minding(Lax):
    """Lax, but files put by an address have to be said to have one of these sizes."""

    def __init__(self, *sizes: int | None) -> None:
        super().__init__(posts=False)
        self._sizes = sizes

    async def answer(self, request: web.Request) -> web.Response:
        is_presigned = request.method == "PUT" and "X-Amz-Signature" in request.query
        if is_presigned and request.content_length not in self._sizes:
            return web.Response(status=501)
        return await super().answer(request)


async def said(settings: Settings) -> dict[str, bool]:
    return {each.says: each.is_serious for each in await safeguards.missing(settings)}


@asynccontextmanager
async def beside(base: Settings, lax: Lax) -> AsyncIterator[Settings]:
    async with laxly(lax) as url:
        yield base.model_copy(update={"s3_endpoint": url})


async def test_the_doctor_finds_what_seaweedfs_lacks(base: Settings) -> None:
    assert await said(base) == {NOSNIFF: False}
    async with objects_of(base) as objects:
        assert [found async for found in objects.list(safeguards.PREFIX)] == []


async def test_the_doctor_is_not_content_with_a_store_that_refuses_nothing(base: Settings) -> None:
    lax, copying = Lax(posts=False), Copying(posts=False)
    async with beside(base, lax) as settings:
        lacks = await said(settings)
    assert lacks == {
        SIZE: False,
        "it takes uploads as another type than was signed; the worker looks at the bytes.": False,
        "it does not check the SHA-256 of uploads; the worker does.": False,
        "it takes uploads with tickets that have expired; they are never shown, and swept.": False,
        "with any ticket bytes can be put under any key.": True,
        "with a ticket an uploader can make the file public (its field `acl`).": False,
        "it does not serve files under the type and the name that were signed.": True,
        "it serves files to whoever asks: the bucket is public.": True,
        "whoever has an address can change the type under which it serves.": True,
        "it copies under no condition: should the worker freeze, a photo may change after its check.": False,
        NOSNIFF: False,
    }
    async with beside(base, copying) as settings:
        assert await said(settings) == {**lacks, COPIES: True}
    assert (lax.files, copying.files) == ({}, {})


@pytest.mark.parametrize(
    ("others", "is_found"), [((), False), ((DOCTORS + 1,), True), ((DOCTORS - 1,), True), ((None,), True)]
)
async def test_the_doctor_finds_one_other_size_that_is_taken(
    base: Settings, others: tuple[int | None, ...], is_found: bool
) -> None:
    """None is for what is sent in chunks."""
    async with beside(base, Minding(DOCTORS, *others)) as settings:
        lacks = await said(settings)
    assert (SIZE in lacks) == is_found


async def test_the_doctor_says_where_nobody_can_put_anything(base: Settings) -> None:
    async with beside(base, Minding()) as settings:
        lacks = await said(settings)
    assert lacks["it takes no PUT with a signed address, so that nobody can upload."]
    assert not any("ticket" in each for each in lacks)
