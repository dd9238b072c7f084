"""The story that must work: two people make a picture book together, against two processes."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from gql.transport.exceptions import TransportClosed, TransportConnectionFailed

from server.settings import Settings
from server.worker import working
from storage.objects import Objects
from tests import client as asks
from tests.client import PATIENCE, Answer, Client, Events, apply, placed
from tests.images import made
from tests.people import confirmed
from tests.proxy import Proxy
from tests.running import Processes

PHOTOS = sorted((Path(__file__).parent / "photos").glob("*.jpg"))
UPRIGHT = {"landscape": (1800, 1200), "portrait": (1200, 1800)}


@dataclass
class Book:
    """The book as a client that follows its events has it."""

    elements: dict[str, Any]
    seq: int

    @classmethod
    def of(cls, read: dict[str, Any]) -> "Book":
        return cls({element["id"]: element for element in read["elements"]}, read["seq"])

    def hear(self, event: dict[str, Any]) -> None:
        assert event["seq"] == self.seq + 1
        self.seq = event["seq"]
        for element in event.get("elements", ()):
            self.elements[element["id"]] = element
        for id in event.get("deletedElementIds", ()):
            self.elements.pop(id)


async def test_two_people_make_a_picture_book_together(
    processes: Processes, settings: Settings, bucket: Objects
) -> None:
    first, second = processes.urls
    async with (
        httpx.AsyncClient() as http,
        Proxy("127.0.0.1", urlsplit(first).port or 0) as proxy,
        working(settings),
    ):
        via = f"http://127.0.0.1:{proxy.port}"

        # 1. They sign up; A creates a book, which has one infinite page.
        a = await Client(http, second).sign_up("Ada")
        b = await Client(http, first).sign_up("Ben")
        await confirmed(settings, b)
        created = (await a.ask(asks.CREATE_BOOK, input={"title": "By the sea"})).it["book"]
        book_id = created["id"]
        assert created["viewerRole"] == "OWNER" and created["owner"] == {"id": a.user_id}
        [page] = created["pages"]
        assert (page["width"], page["height"], page["elements"]) == (None, None, [])

        # 2. B cannot see it.
        unseen = await b.ask(asks.BOOK, id=book_id)
        assert unseen.code == "NOT_FOUND" and unseen.data == {"book": None}
        async with b.follow(asks.EVENTS, bookId=book_id) as events:
            assert await events.end() == "NOT_FOUND"

        # 3. A invites B, in other capitals; B hears of it, finds it and accepts it.
        async with b.follow(asks.MY_BOOKS) as mine:
            await _is_heard(b, mine)
            offer = {"bookId": book_id, "email": b.email.upper(), "role": "EDITOR"}
            invited = (await a.ask(asks.INVITE, input=offer)).it
            unknown = (await a.ask(asks.INVITE, input={**offer, "email": "NOBODY@EXAMPLE.ORG"})).it
            assert unknown == {**invited, "invitation": {**invited["invitation"], "email": "NOBODY@example.org"}}
            heard = await mine.next()
            assert heard["book"] is None and heard["bookId"] == book_id
            [invitation] = (await b.ask(asks.INVITATIONS)).it["invitations"]
            assert invitation["id"] == heard["invitation"]["id"]
            assert (invitation["bookTitle"], invitation["role"], invitation["book"]) == ("By the sea", "EDITOR", None)
            assert {"id": book_id, "title": "By the sea"} not in (await b.ask(asks.BOOKS)).it["nodes"]
            assert (await b.ask(asks.ACCEPT, id=invitation["id"])).it["book"] == {"id": book_id}
            assert (await mine.next())["book"] == {"id": book_id, "title": "By the sea", "viewerRole": "EDITOR"}
        assert (await b.ask(asks.BOOKS)).it["nodes"][0] == {"id": book_id, "title": "By the sea"}

        # 4. B follows the book on the first process.
        kept = Book.of((await b.ask(asks.BOOK, id=book_id)).it)
        async with b.follow(asks.EVENTS, via=via, bookId=book_id, after=kept.seq) as events:
            # 5. A puts six photographs into the bucket.
            images = await _upload(a, book_id, [path.read_bytes() for path in PHOTOS], http)
            assert (await a.ask(asks.COMPLETE_UPLOADS, ids=images)).code is None
            told: dict[str, str] = {}
            while told != dict.fromkeys(images, "READY"):
                told |= {image["id"]: image["status"] for image in (await events.next())["images"]}
            completed = (await a.ask(asks.COMPLETE_UPLOADS, ids=images)).it
            for path, image in zip(PHOTOS, completed["images"], strict=True):
                assert image["status"] == "READY", image
                assert (image["width"], image["height"]) == UPRIGHT[path.name.split("_")[0]]
            kept.seq = completed["seq"] + await _lies_are_refused(a, book_id, http, bucket, events)

            # 6. One batch is one event with one seq.
            batch: list[dict[str, Any]] = [
                {"createImage": {"placement": placed(0, 0), "imageId": images[0]}},
                {"createImage": {"placement": placed(200, 0), "imageId": images[1]}},
                {"createText": {"placement": placed(0, 200), "content": "Hello"}},
                {"createRectangle": {"placement": placed(0, 300), "fill": "#ff0000"}},
                {"createCircle": {"placement": placed(0, 400), "stroke": None}},
                {"createDrawing": {"placement": placed(0, 500), "points": [{"x": 0, "y": 0}, {"x": 5, "y": 5}]}},
            ]
            applied = (await apply(a, book_id, "first", *batch)).it
            assert [result["status"] for result in applied["results"]] == ["APPLIED"] * 6
            event = await events.next()
            assert (event["__typename"], event["seq"], event["batchId"]) == ("CanvasChanged", applied["seq"], "first")
            assert event["elements"] == [result["element"] for result in applied["results"]]
            kept.hear(event)

            photo = applied["results"][0]["element"]["id"]
            moved, faded = await asyncio.gather(
                apply(b, book_id, "move", {"updateElement": {"id": photo, "x": 50}}),
                apply(a, book_id, "fade", {"updateElement": {"id": photo, "opacity": 0.5}}),
            )
            assert {moved.it["seq"], faded.it["seq"]} == {kept.seq + 1, kept.seq + 2}
            for event in await events.take(2):
                kept.hear(event)
            assert (kept.elements[photo]["x"], kept.elements[photo]["opacity"]) == (50, 0.5)

            again = (await apply(a, book_id, "first", *batch)).it
            assert again["seq"] == applied["seq"]
            assert [result["status"] for result in again["results"]] == ["APPLIED"] * 6
            bad = await apply(
                a,
                book_id,
                "bad",
                {"updateElement": {"id": photo, "x": 99}},
                {"updateElement": {"id": photo, "content": "not of a photo"}},
            )
            assert (bad.code, bad.path) == ("INVALID", ["input", "operations", "1", "updateElement", "content"])
            circle = applied["results"][4]["element"]["id"]
            kept_text = applied["results"][2]["element"]["id"]
            deleted = (await apply(a, book_id, "delete", {"deleteElement": {"id": circle}})).it
            same = {"updateElement": {"id": kept_text, "content": "Hello"}}
            nothing = (await apply(a, book_id, "nothing", {"updateElement": {"id": circle, "x": 1}}, same)).it
            assert [result["status"] for result in nothing["results"]] == ["GONE", "NOOP"]
            assert nothing["seq"] == deleted["seq"]
            # Neither the repeat nor the refused nor the idle batch made an event: the next one is the deletion.
            event = await events.next()
            assert (event["seq"], event["deletedElementIds"]) == (deleted["seq"], [circle])
            kept.hear(event)
            assert kept == Book.of((await a.ask(asks.BOOK, id=book_id)).it)

            # 7. B's socket is cut while A makes 50 changes.
            await proxy.cut()
            with pytest.raises((TransportClosed, TransportConnectionFailed)):
                await events.next()
        for number in range(50):
            assert (await apply(a, book_id, f"n{number}", {"updateElement": {"id": photo, "x": number}})).it["seq"]
        async with b.follow(asks.EVENTS, via=via, bookId=book_id, after=kept.seq) as events:
            for event in await events.take(50):
                kept.hear(event)
            assert kept == Book.of((await a.ask(asks.BOOK, id=book_id)).it)
            live = (await apply(a, book_id, "live", {"updateElement": {"id": photo, "y": 7}})).it
            kept.hear(await events.next())
            assert kept.seq == live["seq"]
            assert kept == Book.of((await a.ask(asks.BOOK, id=book_id)).it)

            # 8. The addresses of a photo work, and only with their signature.
            await _addresses_work(b, images[0], PHOTOS[0].read_bytes(), http)

            # 9. Roles change under the open subscription.
            role = {"bookId": book_id, "userId": b.user_id, "role": "VIEWER"}
            assert (await a.ask(asks.UPDATE_MEMBER, input=role)).it["member"] == {"role": "VIEWER"}
            changed = await events.next()
            assert changed["members"] == [{"user": {"id": b.user_id}, "role": "VIEWER"}]
            refused = await apply(b, book_id, "late", {"updateElement": {"id": photo, "x": -1}})
            assert refused.code == "FORBIDDEN" and refused.errors
            after = (await apply(a, book_id, "goes on", {"updateElement": {"id": photo, "y": 8}})).it
            assert (await events.next())["seq"] == after["seq"]
            async with b.at(second).follow(asks.EVENTS, bookId=book_id, after=after["seq"] - 1) as elsewhere:
                assert (await elsewhere.next())["seq"] == after["seq"]
                removed = await a.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=b.user_id)
                assert removed.it["ok"]
                assert await events.end() == "FORBIDDEN"
                assert await elsewhere.end() == "FORBIDDEN"
        assert (await b.ask(asks.BOOK, id=book_id)).code == "NOT_FOUND"

        # 10. B signs out.
        assert len((await b.ask(asks.SIGN_OUT)).it["revokedSessionIds"]) == 1
        assert (await b.ask(asks.BOOKS)).code == "UNAUTHENTICATED"
        await _is_signed_out_within_a_second(b.at(second))
        for url in processes.urls:
            assert (await b.at(url).ask(asks.REFRESH, token=b.refresh_token)).code == "EXPIRED"


async def _is_heard(b: Client, mine: Events) -> None:
    """`myBooks` does not replay: B makes books of their own until one is heard of."""
    for _ in range(50):
        made = (await b.ask(asks.CREATE_BOOK, input={"title": "Diary"})).it["book"]["id"]
        with suppress(TimeoutError):
            while (await mine.next(patience=0.5))["bookId"] != made:
                pass
            return
    raise AssertionError("nothing is heard")


async def _upload(client: Client, book_id: str, photos: list[bytes], http: httpx.AsyncClient) -> list[str]:
    files = [_declared(f"photo {number}.jpg", data) for number, data in enumerate(photos)]
    tickets = (await client.ask(asks.REQUEST_UPLOADS, input={"bookId": book_id, "files": files})).it["tickets"]
    for ticket, data in zip(tickets, photos, strict=True):
        assert (ticket["image"]["status"], ticket["method"]) == ("PENDING", "POST")
        # Straight into the bucket: not a host or port of the API.
        assert not ticket["url"].startswith(client.url)
        assert (await _put(ticket, data, http)).status_code in (200, 201, 204)
    return [ticket["image"]["id"] for ticket in tickets]


def _declared(name: str, data: bytes, **otherwise: Any) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"filename": name, "contentType": "image/jpeg", "size": len(data), "sha256": digest, **otherwise}


async def _put(ticket: dict[str, Any], data: bytes, http: httpx.AsyncClient) -> httpx.Response:
    fields = {field["name"]: field["value"] for field in ticket["fields"]}
    return await http.post(ticket["url"], data=fields, files={"file": ("photo.jpg", data)})


async def _lies_are_refused(a: Client, book_id: str, http: httpx.AsyncClient, bucket: Objects, events: Events) -> int:
    """How many events that took."""
    html = b"<!doctype html><script>alert(1)</script>" * 20
    photo = PHOTOS[0].read_bytes() + b"another"
    lies = [
        (_declared("photo.jpg", html), html),
        (_declared("drawing.jpg", made(".png")), made(".png")),
        (_declared("longer.jpg", photo), photo + b"!"),
        (_declared("other.jpg", photo, sha256=hashlib.sha256(b"other").hexdigest()), photo),
    ]
    asked = {"bookId": book_id, "files": [declared for declared, _ in lies]}
    tickets = (await a.ask(asks.REQUEST_UPLOADS, input=asked)).it["tickets"]
    put = [await _put(ticket, data, http) for ticket, (_, data) in zip(tickets, lies, strict=True)]
    # The bucket itself refuses the file that is longer than declared.
    assert put[2].status_code == 400
    stored = [ticket["image"]["id"] for ticket, response in zip(tickets, put, strict=True) if response.is_success]
    absent = [ticket["image"]["id"] for ticket in tickets if ticket["image"]["id"] not in stored]
    refused: Answer = await a.ask(asks.COMPLETE_UPLOADS, ids=absent)
    assert refused.code == "INVALID"
    assert (await a.ask(asks.COMPLETE_UPLOADS, ids=stored)).code is None
    told = await events.take(1 + len(stored))
    assert [image["status"] for image in told[0]["images"]] == ["PROCESSING"] * len(stored)
    assert [image["status"] for event in told[1:] for image in event["images"]] == ["FAILED"] * len(stored)
    completed = (await a.ask(asks.COMPLETE_UPLOADS, ids=stored)).it
    assert all(image["failureReason"] for image in completed["images"])

    async def left() -> set[str]:
        keys = [found.key for prefix in ("quarantine/", "images/") async for found in bucket.list(prefix)]
        return {key.split("/")[1] for key in keys} & {id.removeprefix("im_") for id in stored + absent}

    async with asyncio.timeout(PATIENCE):
        while await left():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return len(told)


async def _addresses_work(b: Client, image_id: str, original: bytes, http: httpx.AsyncClient) -> None:
    urls = (await b.ask(asks.IMAGE_URLS, id=image_id)).it
    assert len(urls) == 3
    for name, url in urls.items():
        got = await http.get(url)
        assert (got.status_code, got.headers["content-type"]) == (200, "image/jpeg" if name == "o" else "image/webp")
        # As it was uploaded for its uploader alone: what the others get says less.
        assert got.content != original
        assert (await http.get(url.split("?")[0])).status_code == 403


async def _is_signed_out_within_a_second(client: Client) -> None:
    async with asyncio.timeout(1):
        while (await client.ask(asks.BOOKS)).code != "UNAUTHENTICATED":
            pass
