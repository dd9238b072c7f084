"""Photos that are captioned, thrown away with their placements, and brought back."""

from datetime import timedelta
from typing import Any

from models.image import CAPTION_LENGTH
from tests.books.asks import CAPTION, DELETE_IMAGES, EVENTS, NODES, RESTORE_IMAGES, WHOLE, photo
from tests.canvas import PaintedBook, statuses, text, uuid
from tests.client import Client
from tests.people import People, uuid_of


async def whole(book: PaintedBook, by: Client | None = None) -> Any:
    return (await (by or book.owner).ask(WHOLE, id=book.id)).it


async def heard(book: PaintedBook, after: int) -> list[dict[str, Any]]:
    head = (await whole(book))["seq"]
    async with book.owner.follow(EVENTS, bookId=book.id, after=after) as events:
        return await events.take(head - after)


async def test_placements_go_with_their_image_in_one_event_and_come_back_with_it(book: PaintedBook) -> None:
    kept, thrown = await book.photo(), await book.photo()
    stays, *_ = await book.create(photo(kept), text())
    first, second = await book.create(photo(thrown, x=3), photo(thrown, x=5))
    before = await whole(book)

    gone = (await book.owner.ask(DELETE_IMAGES, ids=[thrown], batchId="away")).it
    assert (gone["images"], gone["seq"]) == ([{"id": thrown}], before["seq"] + 1)
    after = await whole(book)
    assert [image["id"] for image in after["images"]["nodes"]] == [kept]
    assert [image["id"] for image in after["trashed"]["nodes"]] == [thrown]
    assert after["trashed"]["nodes"][0]["deletedAt"]
    assert {stays} < {element["id"] for element in after["elements"]}
    assert {first, second}.isdisjoint(element["id"] for element in after["elements"])
    assert after["elementCount"] == before["elementCount"] - 2
    assert (await book.owner.ask(NODES, ids=[thrown, first, second, kept])).it == [None, None, None, {"id": kept}]
    [event] = await heard(book, before["seq"])
    assert (event["__typename"], event["batchId"]) == ("ImagesChanged", "away")
    assert (event["images"], event["deletedImageIds"], event["elements"]) == ([], [thrown], [])
    assert {*event["deletedElementIds"]} == {first, second}

    [image] = (await book.owner.ask(RESTORE_IMAGES, ids=[thrown])).it["images"]
    assert image == {"id": thrown, "deletedAt": None, "placementCount": 2}
    restored = await whole(book)
    assert restored["seq"] == before["seq"] + 2
    [event] = await heard(book, before["seq"] + 1)
    assert [image["id"] for image in event["images"]] == [thrown]
    assert event["deletedImageIds"] == event["deletedElementIds"] == []
    there = {element["id"]: element for element in restored["elements"]}
    assert {element["id"]: element for element in event["elements"]} == {id: there[id] for id in (first, second)}
    assert there[first]["seq"] == restored["seq"]
    changing = {"seq", "updatedAt", "updatedBy"}
    for element in before["elements"]:
        now = there[element["id"]]
        assert {name for name in element if now[name] != element[name]} <= changing
    # What a client must send again is counted as it was.
    weighed = "SELECT weight = 500 * 3 + 500 + 2 * 5 FROM books WHERE id = $1"
    assert await book.database.fetchval(weighed, uuid_of(book.id))


async def test_what_was_deleted_before_its_image_stays_deleted(book: PaintedBook) -> None:
    image = await book.photo()
    early, late = await book.create(photo(image), photo(image))
    assert statuses(await book.do({"deleteElement": {"id": early}})) == ["APPLIED"]
    await book.owner.ask(DELETE_IMAGES, ids=[image])
    await book.owner.ask(RESTORE_IMAGES, ids=[image])
    assert [element["id"] for element in (await whole(book))["elements"]] == [late]


async def test_a_placement_whose_page_went_meanwhile_does_not_come_back(book: PaintedBook) -> None:
    image = await book.photo()
    [page] = await book.create({"createPage": {}})
    here, there = await book.create(photo(image), photo(image, pageId=page))
    await book.owner.ask(DELETE_IMAGES, ids=[image])
    assert statuses(await book.do({"deletePage": {"id": page}})) == ["APPLIED"]
    seq = (await whole(book))["seq"]
    [back] = (await book.owner.ask(RESTORE_IMAGES, ids=[image])).it["images"]
    assert back["placementCount"] == 1
    [event] = await heard(book, seq)
    assert [element["id"] for element in event["elements"]] == [here]
    assert [element["id"] for element in (await whole(book))["elements"]] == [here]
    assert statuses(await book.do({"updateElement": {"id": there, "x": 1}})) == ["GONE"]


async def test_a_photo_in_the_trash_can_be_neither_placed_nor_captioned_nor_be_a_cover(book: PaintedBook) -> None:
    image = await book.photo()
    await book.owner.ask(DELETE_IMAGES, ids=[image])
    async with book.unchanged():
        refused = await book.do(photo(image))
        assert (refused.code, refused.path) == ("NOT_FOUND", ["input", "operations", "0", "createImage", "imageId"])
        refused = await book.owner.ask(CAPTION, input={"id": image, "caption": "no"})
        assert (refused.code, refused.path) == ("GONE", ["input", "id"])
        update = "mutation U($input: UpdateBookInput!) { updateBook(input: $input) { userErrors { code path } } }"
        refused = await book.owner.ask(update, input={"id": book.id, "coverImageId": image})
        assert (refused.code, refused.path) == ("NOT_FOUND", ["input", "coverImageId"])


async def test_repeating_has_one_effect_and_the_first_answer(book: PaintedBook) -> None:
    image, other = await book.photo(), await book.photo()
    first = (await book.owner.ask(DELETE_IMAGES, ids=[image], batchId="b")).it["seq"]
    await book.create(text())
    async with book.unchanged():
        assert (await book.owner.ask(DELETE_IMAGES, ids=[image], batchId="b")).it["seq"] == first
        clash = await book.owner.ask(DELETE_IMAGES, ids=[other], batchId="b")
        assert (clash.code, clash.path) == ("CONFLICT", ["batchId"])
        clash = await book.do(text(), batch="b")
        assert (clash.code, clash.path) == ("CONFLICT", ["input", "batchId"])
        # Without a batchId, what is so already changes nothing either.
        assert (await book.owner.ask(DELETE_IMAGES, ids=[image])).it["seq"] == first + 1
        assert (await book.owner.ask(RESTORE_IMAGES, ids=[other])).it["seq"] == first + 1
    await book.owner.ask(RESTORE_IMAGES, ids=[image])
    async with book.unchanged():
        # The first answer, although it is back by now: a repeat is not asked again.
        assert (await book.owner.ask(DELETE_IMAGES, ids=[image], batchId="b")).it["seq"] == first


async def test_what_is_sent_is_checked_and_all_is_done_or_nothing(people: People) -> None:
    mine, elsewhere = await people.image(), await people.image(book_id=await _other_book(people))
    missing = f"im_{uuid()}"
    seq = await people.seq()
    for document in (DELETE_IMAGES, RESTORE_IMAGES):
        for ids, code, path in (
            ([], "INVALID", ["ids"]),
            ([mine] * 101, "INVALID", ["ids"]),
            ([mine, missing], "NOT_FOUND", ["ids", "1"]),
            ([mine, "nonsense"], "NOT_FOUND", ["ids", "1"]),
            ([mine, elsewhere], "INVALID", ["ids", "1"]),
        ):
            refused = await people.owner.ask(document, ids=ids)
            assert (refused.code, refused.path) == (code, path), ids
    for batch_id in ("", "b" * 101):
        refused = await people.owner.ask(DELETE_IMAGES, ids=[mine], batchId=batch_id)
        assert (refused.code, refused.path) == ("INVALID", ["batchId"])
    refused = await people.owner.ask(CAPTION, input={"id": mine, "caption": "c" * (CAPTION_LENGTH + 1)})
    assert (refused.code, refused.path) == ("INVALID", ["input", "caption"])
    assert await people.seq() == seq
    assert (await people.owner.ask(DELETE_IMAGES, ids=[mine, mine])).it["seq"] == seq + 1


async def _other_book(people: People) -> str:
    made = 'mutation { createBook(input: {title: "Another"}) { book { id } } }'
    return str((await people.owner.ask(made)).it["book"]["id"])


async def test_contributors_look_after_their_own_photos_and_editors_after_any(people: People) -> None:
    own, others = await people.image(of=people.contributor), await people.image(of=people.owner)
    asked: list[tuple[str, Any]] = [
        (CAPTION, lambda id: {"input": {"id": id, "caption": "A"}}),
        (DELETE_IMAGES, lambda id: {"ids": [id]}),
        (RESTORE_IMAGES, lambda id: {"ids": [id]}),
    ]
    for document, given in asked:
        for person, id, code in (
            (people.nobody, own, "UNAUTHENTICATED"),
            (people.stranger, own, "NOT_FOUND"),
            (people.invited, own, "NOT_FOUND"),
            (people.viewer, own, "FORBIDDEN"),
            (people.contributor, others, "FORBIDDEN"),
        ):
            seq = await people.seq()
            assert (await person.ask(document, **given(id))).code == code, (document, id)
            assert await people.seq() == seq
        for person, id in ((people.contributor, own), (people.editor, others)):
            assert (await person.ask(document, **given(id))).code is None
    await people.sql("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", uuid_of(people.book_id))
    for document, given in asked:
        assert (await people.stranger.ask(document, **given(own))).code == "FORBIDDEN"
    # A photo in the trash is there for members alone, also in a public book.
    await people.owner.ask(DELETE_IMAGES, ids=[own])
    assert (await people.stranger.ask(RESTORE_IMAGES, ids=[own])).code == "NOT_FOUND"
    await people.trash()
    for document, given in asked:
        assert (await people.owner.ask(document, **given(others))).code == "GONE"


async def test_a_caption_is_told_and_can_be_taken_away(book: PaintedBook) -> None:
    image = await book.photo()
    seq = (await whole(book))["seq"]
    words = "Côte d'Azur 🌊"
    for given, caption in ((words, words), ("\n ", None), (f" {words}\n", words), (None, None)):
        told = (await book.owner.ask(CAPTION, input={"id": image, "caption": given})).it
        assert told["images"] == [{"id": image, "caption": caption}]
        [event] = await heard(book, told["seq"] - 1)
        assert [(each["id"], each["caption"]) for each in event["images"]] == [(image, caption)]
    assert told["seq"] == seq + 4
    async with book.unchanged():
        assert (await book.owner.ask(CAPTION, input={"id": image, "caption": None})).it["seq"] == seq + 4
        assert (await book.owner.ask(CAPTION, input={"id": image})).it["seq"] == seq + 4


async def test_a_photo_whose_bytes_are_not_there_yet_is_told_to_nobody(people: People) -> None:
    waiting = await people.image("PENDING", of=people.contributor)
    seq = await people.seq()
    assert (await people.contributor.ask(CAPTION, input={"id": waiting, "caption": "Soon"})).it["seq"] == seq
    assert (await people.owner.ask(CAPTION, input={"id": waiting, "caption": "Mine"})).code == "NOT_FOUND"
    assert (await people.owner.ask(DELETE_IMAGES, ids=[waiting])).code == "NOT_FOUND"
    await people.contributor.ask(DELETE_IMAGES, ids=[waiting])
    await people.contributor.ask(RESTORE_IMAGES, ids=[waiting])
    async with people.owner.follow(EVENTS, bookId=people.book_id, after=seq) as events:
        assert [event["images"] for event in await events.take(2)] == [[], []]


async def test_the_journal_does_not_show_what_is_in_the_trash_by_now(book: PaintedBook) -> None:
    image = await book.photo()
    # As a photo has it that is served.
    await book.database.execute("UPDATE images SET thumbhash = '1QcSHQ'")
    seq = (await book.owner.ask(CAPTION, input={"id": image, "caption": "Secret"})).it["seq"]
    [told] = await heard(book, seq - 1)
    assert told["images"][0]["url"].startswith("http")
    await book.owner.ask(DELETE_IMAGES, ids=[image])
    captioned, deleted = await heard(book, seq - 1)
    assert captioned["images"] == []
    assert deleted["deletedImageIds"] == [image]
    await book.owner.ask(RESTORE_IMAGES, ids=[image])
    assert [[each["caption"] for each in event["images"]] for event in await heard(book, seq - 1)] == [
        ["Secret"],
        [],
        ["Secret"],
    ]


async def test_after_30_days_it_is_too_late(book: PaintedBook) -> None:
    image = await book.photo()
    await book.owner.ask(DELETE_IMAGES, ids=[image])
    past = "UPDATE images SET deleted_at = now() - $1::interval WHERE id = $2"
    await book.database.execute(past, timedelta(days=30, seconds=1), uuid_of(image))
    async with book.unchanged():
        refused = await book.owner.ask(RESTORE_IMAGES, ids=[image])
        assert (refused.code, refused.path) == ("GONE", ["ids", "0"])
    await book.database.execute(past, timedelta(days=29, hours=23), uuid_of(image))
    assert (await book.owner.ask(RESTORE_IMAGES, ids=[image])).code is None
