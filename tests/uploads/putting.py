"""Uploads as a client makes them, a step at a time."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from models.columns import now
from models.image import TICKET_LIFETIME
from resolvers.jobs import REGISTRY
from server.worker import Worker
from storage.objects import Objects
from tests.client import COMPLETE_UPLOADS, REQUEST_UPLOADS, Answer, Client
from tests.images import made
from tests.people import People, uuid_of

JPEG = made(".jpg")
PARTS = ("original", "preview", "stripped", "thumbnail")
#: Longer than any backoff, and not as long as it takes to tell people by mail.
_RETRIES = timedelta(seconds=30)


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


async def put(people: People, ticket: dict[str, Any], data: bytes, **changed: str | None) -> int:
    """What the bucket says to the form, with some of its fields changed, added or (None) left out."""
    fields = {**{field["name"]: field["value"] for field in ticket["fields"]}, **changed}
    form = {name: value for name, value in fields.items() if value is not None}
    answer = await people.nobody.http.post(ticket["url"], data=form, files={"file": ("a.jpg", data)})
    return answer.status_code


def late_tickets(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is undone they have expired when they are given out."""
    sign = people.app.parts.objects.ticket

    def late(key: str, *, lifetime: timedelta, **what: Any) -> Any:
        assert lifetime == TICKET_LIFETIME
        return sign(key, lifetime=timedelta(seconds=-1), **what)

    monkeypatch.setattr(people.app.parts.objects, "ticket", late)


async def uploaded(people: People, by: Client, data: bytes, **otherwise: Any) -> str:
    """The image of bytes that are in the bucket, and not yet checked."""
    one = await ticket(people, by, data, **otherwise)
    assert await put(people, one, data) == 204
    return str(one["image"]["id"])


async def complete(by: Client, *ids: str) -> Answer:
    return await by.ask(COMPLETE_UPLOADS, ids=list(ids))


async def work(people: People) -> int:
    """Does all that is owed, the second tries too; how many tries it took."""
    return await Worker(people.app.parts, REGISTRY).drain(upto=now() + _RETRIES)


async def finished(people: People, by: Client, *ids: str) -> list[dict[str, Any]]:
    """Completes them; how they have ended."""
    begun = (await complete(by, *ids)).it["images"]
    assert not any(image["status"] == "PENDING" for image in begun)
    await work(people)
    return list((await complete(by, *ids)).it["images"])


async def shown(people: People, by: Client, data: bytes, **otherwise: Any) -> str:
    """The image of a photo that is READY."""
    id = await uploaded(people, by, data, **otherwise)
    [image] = await finished(people, by, id)
    assert image["status"] == "READY", image
    return id


async def kept(bucket: Objects, id: str) -> set[str]:
    """The keys in the bucket that have to do with an image."""
    prefixes = (f"quarantine/{uuid_of(id)}", f"images/{uuid_of(id)}")
    return {found.key for prefix in prefixes async for found in bucket.list(prefix)}


def whole(id: str, parts: Iterable[str] = PARTS) -> set[str]:
    """The keys of one that is READY."""
    return {f"images/{uuid_of(id)}/{part}" for part in parts}


async def status(people: People, id: str) -> str:
    [row] = await people.sql("SELECT status FROM images WHERE id = $1", uuid_of(id))
    return str(row["status"])
