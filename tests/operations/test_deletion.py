"""What was deleted is gone, also what was on its way while it went (S58)."""

import asyncio
from datetime import timedelta
from io import BytesIO

from resolvers.jobs import REGISTRY
from resolvers.jobs.kind import Nothing
from resolvers.jobs.purge import PURGE
from resolvers.jobs.sweep import Sweep
from server.worker import Worker
from storage.jobs import Queue
from storage.objects import SIGNED_FOR, Objects
from tests.books.asks import DELETE_BOOK
from tests.operations.house import AT_ONCE, found
from tests.operations.served import VARIANTS, addresses
from tests.people import People, made_book, uuid_of
from tests.uploads.putting import complete, declared, photo, put, request, shown, uploaded, whole, work

OLD = timedelta(days=31)


async def gone_for_good(people: People) -> None:
    """The book was in the trash for long enough, and the hourly job comes."""
    await people.owner.ask(DELETE_BOOK, id=people.book_id)
    past = "UPDATE books SET deleted_at = deleted_at - $1::interval WHERE id = $2"
    await people.sql(past, OLD, uuid_of(people.book_id))
    async with people.app.parts.database.session.begin() as session:
        await Queue.put(session, [PURGE.job(Nothing())])


async def keys(objects: Objects) -> set[str]:
    return {each.key async for each in objects.list("")}


async def swept(people: People) -> dict[str, int]:
    return found(await Sweep(people.app.parts, young=AT_ONCE).run())


async def elsewhere(people: People) -> str:
    """A photo of a book that stays."""
    other = People(**{**vars(people), "book_id": await made_book(people.owner, "Elsewhere")})
    return await shown(other, people.owner, photo())


async def test_of_a_book_that_went_during_uploads_nothing_is_left(people: People, objects: Objects) -> None:
    stays = await elsewhere(people)
    ready = await shown(people, people.editor, photo())
    [said] = await addresses(people.editor, [ready])
    data = [photo() for _ in range(4)]
    tickets = (await request(people, people.editor, *map(declared, data))).it["tickets"]
    for ticket, content in zip(tickets[1:], data[1:], strict=True):
        assert await put(people, ticket, content) == 204
    await complete(people.editor, tickets[2]["image"]["id"], tickets[3]["image"]["id"])

    # The book goes while two are being checked and one is put; and the ticket that is out is used after it went.
    await gone_for_good(people)
    workers = (Worker(people.app.parts, REGISTRY).drain() for _ in range(3))
    await asyncio.gather(*workers, put(people, tickets[1], data[1]))
    assert await put(people, tickets[0], data[0]) == 204
    await work(people)

    assert set(await swept(people)) == {"leftovers"}
    assert await keys(objects) == whole(stays)
    assert (await swept(people)) == {}
    for table in ("images", "objects"):
        assert len(await people.sql(f"SELECT FROM {table}")) == 1
    # What was signed before leads nowhere, and would not for long.
    for variant in VARIANTS:
        assert (await people.nobody.http.get(said[variant])).status_code == 404
    assert SIGNED_FOR <= 3_600


async def test_of_a_worker_that_wrote_too_late_nothing_is_left(people: People, objects: Objects) -> None:
    """As one that was frozen: its book went, and it goes on with what it had begun."""
    stays = await elsewhere(people)
    id = await shown(people, people.editor, photo())
    before = await keys(objects)
    await gone_for_good(people)
    await work(people)
    assert await keys(objects) == whole(stays)
    for key in before - whole(stays):
        how = {"content_type": "image/webp", "content_disposition": "inline", "cache_control": "private"}
        await objects.store(key, BytesIO(b"late"), **how)
    assert await swept(people) == {"orphans": 4}
    assert await keys(objects) == whole(stays)
    assert uuid_of(id) not in str(await keys(objects))


async def test_who_goes_leaves_photos_to_the_book_and_nothing_half_done(people: People, objects: Objects) -> None:
    given = await shown(people, people.contributor, photo())
    half = await uploaded(people, people.contributor, photo())
    await people.sql("DELETE FROM users WHERE id = $1", uuid_of(people.contributor.user_id))
    assert await swept(people) == {}
    await people.sql("UPDATE images SET status_at = now() - interval '25 h' WHERE id = $1", uuid_of(half))
    assert await swept(people) == {"leftovers": 1, "expired": 1}
    assert await keys(objects) == whole(given)
    assert (await addresses(people.viewer, [given]))[0]["ORIGINAL"]
