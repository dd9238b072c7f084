"""Several people, in two programs, who delete, restore, place and copy at the same moment."""

import asyncio
import random
from typing import Any

from tests.books.asks import DELETE_BOOK, DELETE_IMAGES, DUPLICATE, EVENTS, RESTORE_BOOK, RESTORE_IMAGES, WHOLE, photo
from tests.canvas import PaintedBook, text
from tests.people import uuid_of

ROUNDS = 12


async def consistent(book: PaintedBook) -> None:
    """No element shows what is in the trash, the numbers have no holes, and the weight is that of what is there."""
    astray = "SELECT count(*) FROM elements e JOIN images i ON i.id = e.image_id WHERE {} AND i.deleted_at IS NOT NULL"
    assert await book.database.fetchval(astray.format("e.deleted_at IS NULL")) == 0
    numbers = "SELECT seq FROM events WHERE book_id = $1 ORDER BY seq"
    told = [row["seq"] for row in await book.database.fetch(numbers, uuid_of(book.id))]
    assert told == [*range(1, (await book.read())["seq"] + 1)]
    weighed = "sum(500 + 2 * coalesce(length(content), 0) + 40 * coalesce(jsonb_array_length(points), 0))"
    there = await book.database.fetchval(f"SELECT {weighed} FROM elements WHERE deleted_at IS NULL")
    assert await book.database.fetchval("SELECT weight FROM books") == (there or 0)


async def test_placing_a_photo_while_it_is_deleted_leaves_none_behind(
    book: PaintedBook, elsewhere: PaintedBook
) -> None:
    for number in range(ROUNDS):
        image = await book.photo()
        here, there = (book, elsewhere) if number % 2 else (elsewhere, book)
        placed, _, gone = await asyncio.gather(
            here.do(photo(image), text()), there.do(photo(image)), book.owner.ask(DELETE_IMAGES, ids=[image])
        )
        assert gone.code is None
        # Before it, and gone with it; or after it, and refused as a whole.
        assert placed.code in (None, "NOT_FOUND")
        await consistent(book)
        await book.owner.ask(RESTORE_IMAGES, ids=[image])
        await consistent(book)


async def test_restoring_and_deleting_at_the_same_moment_happens_once(
    book: PaintedBook, elsewhere: PaintedBook
) -> None:
    image = await book.photo()
    elements = await book.create(photo(image), photo(image))
    for document, ids in ((DELETE_IMAGES, 0), (RESTORE_IMAGES, 2)):
        before = (await book.read())["seq"]
        asked = (client.ask(document, ids=[image]) for client in (book.owner, elsewhere.owner) * 4)
        assert {answer.it["seq"] for answer in await asyncio.gather(*asked)} == {before + 1}
        assert len((await book.read())["elements"]) == ids
    assert sorted(each["id"] for each in (await book.read())["elements"]) == sorted(elements)
    for document in (DELETE_BOOK, RESTORE_BOOK):
        before = (await book.read())["seq"]
        asked = (client.ask(document, id=book.id) for client in (book.owner, elsewhere.owner) * 4)
        assert {answer.it["seq"] for answer in await asyncio.gather(*asked)} == {before + 1}
    await consistent(book)


async def test_a_copy_is_of_one_moment(book: PaintedBook, elsewhere: PaintedBook) -> None:
    """A pair is replaced by another in one batch: a copy without a whole pair is of no moment."""
    image = await book.photo()
    first = await book.create(photo(image), photo(image))
    copying = True

    async def write() -> None:
        pair = first
        while copying:
            gone = ({"deleteElement": {"id": id}} for id in pair)
            results = (await elsewhere.do(*gone, photo(image), photo(image))).it["results"]
            pair = [result["element"]["id"] for result in results[2:]]

    async def copy() -> list[str]:
        nonlocal copying
        try:
            return [(await book.owner.ask(DUPLICATE, id=book.id)).it["book"]["id"] for _ in range(2 * ROUNDS)]
        finally:
            copying = False

    _, copies = await asyncio.gather(write(), copy())
    for id in copies:
        read = (await book.owner.ask(WHOLE, id=id)).it
        assert len(read["elements"]) == 2
        assert read["images"]["nodes"][0]["placementCount"] == 2


async def test_a_random_story_of_two_programs_folds_to_what_a_query_gives(
    book: PaintedBook, elsewhere: PaintedBook
) -> None:
    chance = random.Random(5)
    images = [await book.photo() for _ in range(4)]

    async def person(one: PaintedBook) -> None:
        for _ in range(25):
            image = chance.choice(images)
            match chance.randrange(5):
                case 0:
                    answer = await one.owner.ask(DELETE_IMAGES, ids=chance.sample(images, 2))
                case 1 | 2:
                    answer = await one.owner.ask(RESTORE_IMAGES, ids=[image])
                case 3:
                    answer = await one.do(photo(image), photo(image))
                case _:
                    there = (await one.read())["elements"]
                    answer = await one.do(*({"deleteElement": {"id": each["id"]}} for each in there[:1]), text())
            assert answer.code in (None, "NOT_FOUND")

    await asyncio.gather(person(book), person(elsewhere))
    await consistent(book)
    async with book.owner.follow(EVENTS, bookId=book.id, after=0) as events:
        told = await events.take((await book.read())["seq"])
    folded: dict[str, Any] = {}
    for event in told:
        folded |= {element["id"]: element for element in event["elements"]}
        for id in event["deletedElementIds"]:
            # What goes has been there.
            del folded[id]
    assert {event["__typename"] for event in told} == {"CanvasChanged", "ImagesChanged"}
    assert folded == {element["id"]: element for element in (await book.read())["elements"]}
