"""Images that were promised and never came: their placements and covers go with them, and everybody hears of it."""

from datetime import timedelta

from resolvers.context import Context
from resolvers.jobs.sweep import Sweep, Swept
from resolvers.jobs.sweep.expired import expire
from server.app import App
from tests.books.asks import WHOLE, photo
from tests.canvas import PaintedBook
from tests.client import EVENTS, UPDATE_BOOK
from tests.people import uuid_of

DAY = timedelta(days=1)


async def sweep(app: App) -> Swept:
    return await Sweep(app.parts, young=timedelta(0)).run()


async def aged(book: PaintedBook, id: str, age: timedelta) -> None:
    await book.database.execute("UPDATE images SET status_at = now() - $1::interval WHERE id = $2", age, uuid_of(id))


async def test_it_goes_with_its_placements_in_one_event(app: App, book: PaintedBook) -> None:
    late, waiting, ready = await book.photo("PENDING"), await book.photo("PENDING"), await book.photo()
    placed = await book.create(photo(late), photo(waiting), photo(ready))
    await book.owner.ask(UPDATE_BOOK, input={"id": book.id, "coverImageId": late})
    await aged(book, late, DAY + timedelta(minutes=1))
    await aged(book, waiting, DAY - timedelta(minutes=1))
    before = (await book.owner.ask(WHOLE, id=book.id)).it

    async with book.owner.follow(EVENTS, bookId=book.id, after=before["seq"]) as events:
        assert (await sweep(app)).expired == 1
        told = await events.next()
    assert (told["__typename"], told["seq"], told["actor"]) == ("ImagesChanged", before["seq"] + 1, None)
    [row] = await book.database.fetch("SELECT payload FROM events WHERE seq = $1", told["seq"])
    assert uuid_of(late) in row["payload"] and uuid_of(placed[0]) in row["payload"]

    after = (await book.owner.ask(WHOLE, id=book.id)).it
    assert [element["id"] for element in after["elements"]] == placed[1:]
    assert after["cover"] is None
    weight = "SELECT weight FROM books WHERE id = $1"
    assert await book.database.fetchval(weight, uuid_of(book.id)) == 2 * 500
    left = {str(row["id"]) for row in await book.database.fetch("SELECT id FROM objects")}
    assert left == {uuid_of(waiting), uuid_of(ready)}
    assert (await sweep(app)).expired == 0
    assert (await book.read())["seq"] == told["seq"]


async def test_one_that_is_asked_for_again_is_waited_for_again(app: App, book: PaintedBook) -> None:
    late = await book.photo("PENDING")
    await aged(book, late, 2 * DAY)
    id = await book.database.fetchval("UPDATE images SET status_at = now() RETURNING id")
    async with book.unchanged():
        # As if a ticket was given out between the look and the deed.
        assert await expire(Context(app.parts, None), [id]) == 0
    assert await book.database.fetchval("SELECT count(*) FROM images") == 1


async def test_one_in_the_trash_goes_as_well(app: App, book: PaintedBook) -> None:
    late = await book.photo("PENDING")
    await aged(book, late, 2 * DAY)
    await book.database.execute("UPDATE images SET deleted_at = now()")
    assert (await sweep(app)).expired == 1
    assert await book.database.fetchval("SELECT count(*) FROM images") == 0
