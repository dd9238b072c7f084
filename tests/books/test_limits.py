"""What comes back, or is copied, needs room like anything else."""

import asyncio
from typing import Any

import pytest

from models.element import BARE_WEIGHT
from models.quota import Quotas
from resolvers.image import trash
from server.settings import Settings
from tests.books.asks import DELETE_BOOK, DELETE_IMAGES, DUPLICATE, RESTORE_BOOK, RESTORE_IMAGES, photo
from tests.canvas import PaintedBook, text, uuid
from tests.client import BOOKS, CREATE_BOOK
from tests.running import served


@pytest.mark.parametrize(("limit", "value"), [("ELEMENTS_LIMIT", 3), ("WEIGHT_LIMIT", 4 * BARE_WEIGHT)])
async def test_placements_come_back_only_where_there_is_room(
    book: PaintedBook, monkeypatch: pytest.MonkeyPatch, limit: str, value: Any
) -> None:
    image = await book.photo()
    await book.create(photo(image), photo(image))
    await book.owner.ask(DELETE_IMAGES, ids=[image])
    first, _ = await book.create(text(), text())
    monkeypatch.setattr(trash, limit, value)
    async with book.unchanged():
        refused = await book.owner.ask(RESTORE_IMAGES, ids=[image])
        assert (refused.code, refused.path) == ("LIMIT_REACHED", ["ids"])
    await book.do({"deleteElement": {"id": first}})
    assert (await book.owner.ask(RESTORE_IMAGES, ids=[image])).it["images"][0]["placementCount"] == 2


async def test_more_placements_than_an_event_tells_come_back_with_a_resync(
    book: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = await book.photo()
    ids = await book.create(*[photo(image)] * 3)
    for most, kind in ((2, "Resync"), (3, "ImagesChanged")):
        seq = (await book.owner.ask(DELETE_IMAGES, ids=[image])).it["seq"]
        monkeypatch.setattr(trash, "PLACEMENTS", most)
        [back] = (await book.owner.ask(RESTORE_IMAGES, ids=[image])).it["images"]
        assert back["placementCount"] == 3
        assert [event["__typename"] for event in await book.events(after=seq)] == [kind]
    assert sorted(element["id"] for element in (await book.read())["elements"]) == sorted(ids)


async def test_a_photo_comes_back_only_where_there_is_room(book: PaintedBook, settings: Settings) -> None:
    gone, stays = await book.photo(), await book.photo()
    await book.owner.ask(DELETE_IMAGES, ids=[gone])
    async with served(settings.model_copy(update={"book_images": 1})) as (_, url):
        owner = book.owner.at(url)
        async with book.unchanged():
            refused = await owner.ask(RESTORE_IMAGES, ids=[gone])
            assert (refused.code, refused.path) == ("LIMIT_REACHED", ["ids"])
        await owner.ask(DELETE_IMAGES, ids=[stays])
        assert (await owner.ask(RESTORE_IMAGES, ids=[gone])).code is None


async def test_a_copy_is_made_only_for_who_has_room(book: PaintedBook, settings: Settings) -> None:
    for _ in range(2):
        await book.photo()
    async with served(settings.model_copy(update={"user_bytes": 1})) as (_, url):
        refused = await book.owner.at(url).ask(DUPLICATE, id=book.id)
        assert (refused.code, refused.path) == ("LIMIT_REACHED", ["id"])
    assert (await book.owner.ask(BOOKS)).it["totalCount"] == 1
    assert await book.database.fetchval("SELECT count(*) FROM images") == 2
    assert (await book.owner.ask(DUPLICATE, id=book.id)).code is None


async def test_a_person_makes_so_many_books_and_not_one_more(book: PaintedBook, settings: Settings) -> None:
    assert (Quotas().user_books, Quotas().user_weight) == (1_000, 2**30)
    client_id = uuid()
    async with served(settings.model_copy(update={"user_books": 3})) as (_, url):
        owner = book.owner.at(url)
        assert (await owner.ask(CREATE_BOOK, input={"title": "Two", "clientId": client_id})).code is None
        assert (await owner.ask(DUPLICATE, id=book.id)).code is None
        # What is in the trash counts until it is emptied.
        assert (await owner.ask(DELETE_BOOK, id=book.id)).code is None
        refused = await owner.ask(CREATE_BOOK, input={"title": "Four"})
        assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input"])
        assert (await owner.ask(RESTORE_BOOK, id=book.id)).code is None
        refused = await owner.ask(DUPLICATE, id=book.id)
        assert (refused.code, refused.path) == ("LIMIT_REACHED", ["id"])
        # One that is there already is given again.
        assert (await owner.ask(CREATE_BOOK, input={"title": "Two", "clientId": client_id})).code is None
    assert await book.database.fetchval("SELECT count(*) FROM books") == 3


async def test_many_copies_at_once_do_not_come_past_the_end(book: PaintedBook, settings: Settings) -> None:
    async with served(settings.model_copy(update={"user_books": 5})) as (_, url):
        owner = book.owner.at(url)
        makes = [owner.ask(DUPLICATE, id=book.id) for _ in range(5)]
        makes += [owner.ask(CREATE_BOOK, input={"title": "New"}) for _ in range(5)]
        answers = await asyncio.gather(*makes)
    assert [answer.code for answer in answers].count(None) == 4
    assert {answer.code for answer in answers} == {None, "LIMIT_REACHED"}
    assert await book.database.fetchval("SELECT count(*) FROM books") == 5


async def test_copies_weigh_what_they_are_copied_from(book: PaintedBook, settings: Settings) -> None:
    await book.create(text(), text())
    weight = await book.database.fetchval("SELECT weight FROM books")
    assert weight > 0
    async with served(settings.model_copy(update={"user_weight": 2 * weight})) as (_, url):
        owner = book.owner.at(url)
        assert (await owner.ask(DUPLICATE, id=book.id)).code is None
        refused = await owner.ask(DUPLICATE, id=book.id)
        assert (refused.code, refused.path) == ("LIMIT_REACHED", ["id"])
        # An empty one has room.
        assert (await owner.ask(CREATE_BOOK, input={"title": "Empty"})).code is None
    assert await book.database.fetchval("SELECT sum(weight) FROM books") == 2 * weight
