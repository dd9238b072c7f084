"""Copies of photos from before there were sizes, made while the original is developed again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from resolvers.jobs import REGISTRY, redevelop
from resolvers.jobs.kind import Nothing
from server.worker import Worker
from storage.jobs import Queue
from tests.books.asks import DUPLICATE
from tests.people import People, uuid_of
from tests.uploads.putting import shown
from tests.uploads.test_shown import got, told, urls

#: Seconds in which somebody has to come to a lock.
PATIENCE = 3


async def old(people: People, mark: str) -> str:
    """As a program left it that made no sizes."""
    raw = uuid_of(id := await shown(people, people.owner, told(mark=mark)))
    await people.sql("UPDATE objects SET developed_at = NULL, stripped_type = NULL WHERE id = $1", raw)
    await people.sql("UPDATE images SET thumbhash = NULL, taken_at = NULL WHERE id = $1", raw)
    return id


async def develop(people: People) -> None:
    async with people.app.parts.database.session.begin() as session:
        await Queue.put(session, [redevelop.REDEVELOP.job(Nothing())])
    await Worker(people.app.parts, REGISTRY).drain()


async def rows(people: People, id: str) -> list[Any]:
    """What was found out of every image that has this one's object."""
    found = "SELECT book_id, thumbhash, taken_at, width, height FROM images WHERE object_id = $1"
    return await people.sql(found, uuid_of(id))


@asynccontextmanager
async def copying(people: People) -> AsyncIterator[asyncio.Task[Any]]:
    """A copy that has its photos, and is not there yet: it is held up at what its owner has room for."""
    database = people.app.parts.database
    holding = await database.connect()
    try:
        async with holding.transaction():
            await holding.execute("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", uuid_of(people.owner.user_id))
            asked = asyncio.create_task(people.owner.ask(DUPLICATE, id=people.book_id))
            await waiting(people, 1)
            yield asked
    finally:
        await holding.close()


async def waiting(people: People, count: int) -> None:
    """Until so many wait for somebody else's lock."""
    waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(PATIENCE):
        while len(await people.sql(waits)) < count:
            pass


async def test_a_copy_that_was_being_made_gets_all_that_the_original_gets(people: People) -> None:
    id = await old(people, "copied")
    async with copying(people) as asked:
        developing = asyncio.create_task(develop(people))
        await waiting(people, 2)
        assert [row["thumbhash"] for row in await rows(people, id)] == [None]
    copy = (await asked).it["book"]["id"]
    await developing
    original, copied = sorted(await rows(people, id), key=lambda row: str(row["book_id"]) == uuid_of(copy))
    assert str(copied["book_id"]) == uuid_of(copy)
    for name in ("thumbhash", "taken_at", "width", "height"):
        assert copied[name] == original[name] is not None
    [image] = await people.sql("SELECT id FROM images WHERE book_id = $1", uuid_of(copy))
    of = await urls(people.owner, f"im_{image['id']}")
    assert (await got(people, of["preview"]))[1]["content-type"] == "image/webp"
    # Whoever follows it hears of it.
    kinds = await people.sql("SELECT kind FROM events WHERE book_id = $1", uuid_of(copy))
    assert [row["kind"] for row in kinds] == ["ImagesChanged"]


async def test_a_copy_that_was_made_before_gets_all_of_it_too(people: People) -> None:
    id = await old(people, "before")
    await people.owner.ask(DUPLICATE, id=people.book_id)
    await develop(people)
    thumbhashes = {row["thumbhash"] for row in await rows(people, id)}
    assert len(await rows(people, id)) == 2 and len(thumbhashes) == 1 and None not in thumbhashes
