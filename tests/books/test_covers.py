"""The photo that stands for a book."""

from tests.books.asks import DELETE_IMAGES, RESTORE_IMAGES, WHOLE
from tests.books.test_trash import listening
from tests.client import UPDATE_BOOK
from tests.people import People


async def test_the_lists_of_members_hear_of_a_cover_that_comes_goes_and_comes_back(people: People) -> None:
    cover, other = await people.image(), await people.image()

    def shown(cover: str | None) -> dict[str, object]:
        book = {"id": people.book_id, "cover": {"id": cover} if cover else None}
        return {"bookId": people.book_id, "book": book, "invitation": None}

    async with listening(people.viewer) as mine:
        assert (await people.editor.ask(UPDATE_BOOK, input={"id": people.book_id, "coverImageId": cover})).it
        assert await mine.next() == shown(cover)
        # Another photo is nothing to the list.
        await people.editor.ask(DELETE_IMAGES, ids=[other])
        await people.editor.ask(DELETE_IMAGES, ids=[cover])
        assert await mine.next() == shown(None)
        assert (await people.viewer.ask(WHOLE, id=people.book_id)).it["cover"] is None
        await people.editor.ask(RESTORE_IMAGES, ids=[cover])
        assert await mine.next() == shown(cover)
        assert (await people.viewer.ask(WHOLE, id=people.book_id)).it["cover"] == {"id": cover}
        assert (await people.editor.ask(UPDATE_BOOK, input={"id": people.book_id, "coverImageId": None})).it
        assert await mine.next() == shown(None)
