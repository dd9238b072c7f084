"""Books made of others."""

import asyncio
from typing import Any

from tests.books.asks import DELETE_BOOK, DELETE_IMAGES, DUPLICATE, WHOLE, photo
from tests.canvas import CREATIONS, PaintedBook, uuid
from tests.client import BOOKS, UPDATE_BOOK, Client, placed
from tests.people import People, somebody, uuid_of


async def whole(of: Client, id: str) -> Any:
    return (await of.ask(WHOLE, id=id)).it


def drawn(book: Any, names: dict[str | None, str]) -> list[dict[str, Any]]:
    """Its elements without what a copy has of its own; pages and images by these names."""
    own = {"id", "createdAt", "updatedAt", "seq", "pageId", "image", "imageId"}
    return [
        {name: value for name, value in element.items() if name not in own}
        | {"page": names[element["pageId"]], "shows": names.get(element.get("imageId"))}
        for element in book["elements"]
    ]


def named(book: Any) -> dict[str | None, str]:
    pages = {page["id"]: f"page {place}" for place, page in enumerate(book["pages"])}
    return pages | {image["id"]: f"image {image['filename']}" for image in book["images"]["nodes"]}


async def test_a_copy_has_all_of_its_own_but_the_bytes(book: PaintedBook) -> None:
    images = [await book.photo() for _ in range(3)]
    for place, image in enumerate(images):
        ready = "UPDATE images SET filename = $1, thumbhash = '1QcSHQ' WHERE id = $2"
        await book.database.execute(ready, str(place), uuid_of(image))
    [second] = await book.create({"createPage": {"name": "Two", "width": 3, "height": 4, "background": "#ffffff"}})
    await book.create(
        *({verb: {"placement": placed(pageId=second), **more}} for verb, more in CREATIONS.items()),
        photo(images[0], x=1),
        photo(images[1], x=2, pageId=second),
    )
    gone = await book.photo()
    await book.create(photo(gone))
    await book.owner.ask(DELETE_IMAGES, ids=[gone])
    await book.owner.ask(UPDATE_BOOK, input={"id": book.id, "coverImageId": images[1], "description": "D"})
    old = await whole(book.owner, book.id)

    made = (await book.owner.ask(DUPLICATE, id=book.id)).it
    copy = made["book"]
    new = await whole(book.owner, copy["id"])
    assert (copy["title"], copy["description"], copy["visibility"]) == ("Colours", "D", "PRIVATE")
    assert (copy["viewerRole"], copy["seq"], made["seq"]) == ("OWNER", 0, 0)
    assert drawn(new, named(new)) == drawn(old, named(old))
    for name in ("filename", "placementCount"):
        assert [image[name] for image in new["images"]["nodes"]] == [image[name] for image in old["images"]["nodes"]]
    assert (named(new)[new["cover"]["id"]], new["trashed"]["totalCount"]) == ("image 1", 0)
    for page, was in zip(new["pages"], old["pages"], strict=True):
        assert {**page, "id": ""} == {**was, "id": ""}
    ids = [{each["id"] for kind in ("pages", "elements") for each in one[kind]} for one in (old, new)]
    assert ids[0].isdisjoint(ids[1])
    # The bytes are the same, at the same place.
    assert [image["url"].split("?")[0] for image in new["images"]["nodes"]] == [
        image["url"].split("?")[0] for image in old["images"]["nodes"]
    ]
    assert await book.database.fetchval("SELECT count(*) FROM objects") == 4
    # Nothing happened to the book itself, and each goes its own way.
    assert await whole(book.owner, book.id) == old
    placed_once = next(image["id"] for image in new["images"]["nodes"] if image["placementCount"])
    await book.owner.ask(DELETE_IMAGES, ids=[placed_once])
    assert await whole(book.owner, book.id) == old
    weighed = "SELECT count(DISTINCT weight + 500 * (id = $1)::int) FROM books WHERE id IN ($1, $2)"
    assert await book.database.fetchval(weighed, uuid_of(copy["id"]), uuid_of(book.id)) == 1


async def test_what_is_not_ready_stays_behind_and_leaves_a_slot(book: PaintedBook) -> None:
    for status in ("PENDING", "PROCESSING"):
        await book.create(photo(await book.photo(status)))
    await book.photo("FAILED")
    copy = (await book.owner.ask(DUPLICATE, id=book.id, title="Slots")).it["book"]
    new = await whole(book.owner, copy["id"])
    assert copy["title"] == "Slots"
    assert new["images"]["totalCount"] == 0
    assert [(element["imageId"], element["image"]) for element in new["elements"]] == [(None, None)] * 2


async def test_only_owners_make_copies(people: People) -> None:
    for person, code in (
        (people.nobody, "UNAUTHENTICATED"),
        (people.stranger, "NOT_FOUND"),
        (people.invited, "NOT_FOUND"),
        (people.viewer, "FORBIDDEN"),
        (people.contributor, "FORBIDDEN"),
        (people.editor, "FORBIDDEN"),
    ):
        assert (await person.ask(DUPLICATE, id=people.book_id)).code == code
        if person.token:
            assert "By the sea" not in [
                book["title"] for book in (await person.ask(BOOKS)).it["nodes"] if book["id"] != people.book_id
            ]
    copy = (await people.owner.ask(DUPLICATE, id=people.book_id, clientId=uuid())).it["book"]
    assert copy["viewerRole"] == "OWNER"
    for person in (people.editor, people.invited, people.nobody):
        assert (await person.ask(WHOLE, id=copy["id"])).code == "NOT_FOUND"
    for given, path in (
        ({"title": ""}, ["title"]),
        ({"title": "t" * 101}, ["title"]),
        ({"clientId": "x"}, ["clientId"]),
    ):
        refused = await people.owner.ask(DUPLICATE, id=people.book_id, **given)
        assert (refused.code, refused.path) == ("INVALID", path)


async def test_the_same_client_id_again_gives_the_first_copy(people: People) -> None:
    client_id = uuid()
    asked = (people.owner.ask(DUPLICATE, id=people.book_id, clientId=client_id, title="Once") for _ in range(5))
    ids = {answer.it["book"]["id"] for answer in await asyncio.gather(*asked)}
    assert len(ids) == 1
    # Also when what was copied is in the trash by now; nobody else's copy is in the way.
    await people.owner.ask(DELETE_BOOK, id=people.book_id)
    again = await people.owner.ask(DUPLICATE, id=people.book_id, clientId=client_id)
    assert again.it["book"]["id"] in ids
    refused = await people.owner.ask(DUPLICATE, id=people.book_id, clientId=uuid())
    assert (refused.code, refused.path) == ("GONE", ["id"])
    other = await somebody(people.app, people.nobody, "Olaf")
    assert (await other.ask(DUPLICATE, id=people.book_id, clientId=client_id)).code == "NOT_FOUND"
