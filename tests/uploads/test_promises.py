"""What is asked for and does not come: it holds no more room than it has, and nobody's book for long."""

import asyncio
from datetime import timedelta

import pytest

from models.columns import now
from models.image import FAILED_COUNTED, PENDING_LIMIT, RENEWED_FOR, TICKET_LIFETIME
from resolvers.image import upload
from resolvers.jobs import REGISTRY
from server.worker import Worker
from storage.objects import Objects
from tests.books.asks import DELETE_IMAGES
from tests.client import Client
from tests.people import People, uuid_of
from tests.uploads.putting import complete, declared, finished, kept, photo, put, request, shown, ticket, uploaded
from tests.uploads.test_quota import claimed, expired, fill, quotas

REMOVE = "mutation($b: ID!, $u: ID!) { removeMember(bookId: $b, userId: $u) { userErrors { code } } }"


async def promised(people: People) -> list[int]:
    rows = await people.sql("SELECT size FROM images WHERE book_id = $1 ORDER BY size", uuid_of(people.book_id))
    return [row["size"] for row in rows]


async def aged(people: People, id: str, column: str, age: timedelta) -> None:
    await people.sql(f"UPDATE images SET {column} = now() - $1::interval WHERE id = $2", age, uuid_of(id))


async def test_a_smaller_size_for_the_same_digest_frees_nothing_that_a_ticket_is_out_for(
    people: People, bucket: Objects
) -> None:
    data = photo()
    with quotas(people, book_bytes=len(data)):
        large = await ticket(people, people.editor, data)
        assert (await request(people, people.editor, declared(data, size=1))).code == "LIMIT_REACHED"
    small = await ticket(people, people.editor, data, size=1)
    assert small["image"]["id"] != large["image"]["id"]
    assert await promised(people) == [1, len(data)]
    # Both in one go as well; each again is the same.
    again = (await request(people, people.editor, declared(data, size=1), declared(data))).it["tickets"]
    assert [one["image"]["id"] for one in again] == [small["image"]["id"], large["image"]["id"]]
    assert await put(people, large, data) == 204
    assert [image["status"] for image in await finished(people, people.editor, large["image"]["id"])] == ["READY"]
    # Once its bytes are there, whatever is said of them is the same photo.
    [other] = (await request(people, people.editor, declared(data, size=1))).it["tickets"]
    assert (other["duplicate"], other["image"]["id"]) == (True, large["image"]["id"])


async def test_what_may_still_fail_for_its_type_is_no_reason_to_give_no_ticket(people: People, bucket: Objects) -> None:
    data = photo()
    wrong = await uploaded(people, people.editor, data, contentType="image/png")
    assert (await complete(people.editor, wrong)).code is None
    same = await ticket(people, people.owner, data, contentType="image/png")
    assert (same["duplicate"], same["image"]["id"]) == (True, wrong)
    right = await uploaded(people, people.owner, data)
    assert right != wrong
    assert [image["status"] for image in await finished(people, people.owner, right)] == ["READY"]
    assert [image["status"] for image in await finished(people, people.editor, wrong)] == ["FAILED"]
    for kind in ("image/jpeg", "image/png"):
        again = await ticket(people, people.editor, data, contentType=kind)
        assert (again["duplicate"], again["image"]["id"]) == (True, right)


async def test_a_ticket_is_renewed_for_a_day_and_what_was_put_goes_then(people: People, bucket: Objects) -> None:
    data = photo()
    id = await uploaded(people, people.editor, data)
    await aged(people, id, "created_at", RENEWED_FOR - timedelta(minutes=1))
    assert (await ticket(people, people.editor, data))["image"]["id"] == id
    await aged(people, id, "created_at", RENEWED_FOR)
    assert (await ticket(people, people.editor, data))["image"]["id"] != id
    # Both count while both may be there.
    assert await promised(people) == [len(data)] * 2
    await aged(people, id, "status_at", timedelta(hours=2))
    await expired(people)
    assert (await promised(people), await kept(bucket, id)) == ([len(data)], set())


async def test_a_person_holds_so_many_promises_in_a_book_and_not_one_more(people: People) -> None:
    assert PENDING_LIMIT == 500
    await fill(people, PENDING_LIMIT - 1, 1, by=people.contributor, status="PENDING")
    one = photo()
    assert (await request(people, people.contributor, declared(one))).code is None
    refused = await request(people, people.contributor, claimed(1))
    assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "files"])
    # What waits already, and what others ask for.
    assert (await request(people, people.contributor, declared(one))).code is None
    assert (await request(people, people.editor, claimed(1))).code is None
    # Nor by way of the trash.
    await people.sql(
        "UPDATE images SET deleted_at = now() WHERE status = 'PENDING' AND book_id = $1", uuid_of(people.book_id)
    )
    assert (await request(people, people.contributor, claimed(1))).code == "LIMIT_REACHED"


async def test_who_asks_many_times_at_once_holds_no_more(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PENDING_LIMIT", 5)
    answers = await asyncio.gather(*(request(people, people.editor, claimed(1)) for _ in range(12)))
    assert [answer.code for answer in answers].count(None) == len(await promised(people)) == 5


async def test_what_is_thrown_away_or_refused_counts_for_a_while(people: People) -> None:
    async def asked(by: Client) -> str | None:
        return (await request(people, by, claimed(1))).code

    with quotas(people, book_images=2):
        waiting = (await ticket(people, people.editor, photo()))["image"]["id"]
        await people.image("FAILED", of=people.editor)
        assert await asked(people.editor) == "LIMIT_REACHED"
        assert (await people.editor.ask(DELETE_IMAGES, ids=[waiting])).code is None
        await people.sql(
            "UPDATE images SET deleted_at = now() WHERE status = 'FAILED' AND book_id = $1", uuid_of(people.book_id)
        )
        assert await asked(people.editor) == "LIMIT_REACHED"
        await people.sql(
            "UPDATE images SET status_at = now() - $1::interval WHERE status = 'FAILED' AND book_id = $2",
            FAILED_COUNTED,
            uuid_of(people.book_id),
        )
        assert await asked(people.editor) is None
        assert await asked(people.editor) == "LIMIT_REACHED"


async def test_a_photo_takes_the_room_of_what_was_made_of_it_if_that_is_more(people: People, bucket: Objects) -> None:
    data = photo()
    id = await shown(people, people.editor, data)
    made = 0
    async for found in bucket.list(f"images/{uuid_of(id)}/"):
        made += found.size * (not found.key.endswith("/original"))
    assert made > len(data)
    for of in ("book_bytes", "user_bytes"):
        with quotas(people, **{of: made}):
            assert (await request(people, people.editor, claimed(1))).code == "LIMIT_REACHED"
        with quotas(people, **{of: made + 1}):
            assert (await request(people, people.editor, claimed(1))).code is None
        await people.sql("DELETE FROM images WHERE status = 'PENDING' AND book_id = $1", uuid_of(people.book_id))


async def test_what_somebody_promised_goes_with_them(people: People, bucket: Objects) -> None:
    data = photo()
    one = await ticket(people, people.contributor, data)
    others = (await ticket(people, people.editor, photo()))["image"]["id"]
    with quotas(people, book_images=2):
        assert (await request(people, people.owner, claimed(1))).code == "LIMIT_REACHED"
        removed = await people.owner.ask(REMOVE, b=people.book_id, u=people.contributor.user_id)
        assert removed.code is None
        await Worker(people.app.parts, REGISTRY).drain()
        assert (await request(people, people.owner, claimed(1))).code is None
    rows = await people.sql(
        "SELECT id FROM images WHERE book_id = $1 AND uploader_id <> $2",
        *(uuid_of(people.book_id), uuid_of(people.owner.user_id)),
    )
    assert [str(row["id"]) for row in rows] == [uuid_of(others)]
    # Their tickets are good for a while yet, and lead to nothing.
    assert await put(people, one, data) == 204
    await Worker(people.app.parts, REGISTRY).drain(upto=now() + TICKET_LIFETIME + timedelta(minutes=1))
    assert await kept(bucket, one["image"]["id"]) == set()
