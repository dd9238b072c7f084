"""Pages: their fields, their order, and what goes with one that is deleted."""

from random import Random
from typing import Any

from models.order import KEY_LENGTH
from tests.canvas import PaintedBook, all_of, delete, move, statuses, text, update, uuid


def create(**fields: Any) -> dict[str, Any]:
    return {"createPage": fields}


def change(id: str, **fields: Any) -> dict[str, Any]:
    return {"updatePage": {"id": id, **fields}}


def remove(id: str) -> dict[str, Any]:
    return {"deletePage": {"id": id}}


async def _page(book: PaintedBook, id: str) -> dict[str, Any]:
    [page] = [page for page in (await book.read())["pages"] if page["id"] == id]
    return dict(page)


async def test_a_page_has_what_it_was_given_or_nothing(book: PaintedBook) -> None:
    sheet = {"name": "", "width": 0.5, "height": 1e15, "background": "#00000000"}
    plain, full = await book.create(create(), create(**sheet))
    none = {"name": None, "width": None, "height": None, "background": None}
    pages = (await book.read())["pages"]
    assert [page["id"] for page in pages] == [book.page, plain, full]
    assert pages[1] == {**none, "id": plain, "orderKey": pages[1]["orderKey"]}
    assert pages[2] == {**sheet, "id": full, "orderKey": pages[2]["orderKey"]}
    assert (await book.events())[-1]["pages"] == pages[1:]


async def test_an_update_changes_what_was_sent_and_null_clears(book: PaintedBook) -> None:
    steps: list[dict[str, Any]] = [
        {"name": "x" * 100},
        {"width": 5, "height": 6},
        {"width": 7},
        {"background": "#000000"},
        {"name": None},
        {"width": None, "height": None},
        {"background": None},
    ]
    for fields in steps:
        before = await _page(book, book.page)
        assert statuses(await book.do(change(book.page, **fields))) == ["APPLIED"]
        assert await _page(book, book.page) == {**before, **fields}
        async with book.unchanged():
            assert statuses(await book.do(change(book.page, **fields))) == ["NOOP"]
    async with book.unchanged():
        assert statuses(await book.do(change(book.page))) == ["NOOP"]


async def test_what_is_no_value_of_a_page_is_invalid_there(book: PaintedBook) -> None:
    [sheet] = await book.create(create(width=1, height=1))
    bad: list[tuple[dict[str, Any], str]] = [
        ({"name": "x" * 101}, "name"),
        *(({"width": side, "height": 1}, "width") for side in (0, -1, 1.1e15)),
        *(({"width": 1, "height": side}, "height") for side in (0, -1, 1.1e15)),
        ({"width": None, "height": 1}, "width"),
        ({"width": 1, "height": None}, "height"),
        *(({"background": color}, "background") for color in ("", "#000", "red", 7)),
    ]
    async with book.unchanged():
        for fields, where in bad:
            for operation in (create(**fields), change(sheet, **fields)):
                refused = await book.do(text("not kept"), operation)
                assert (refused.code, refused.path) == ("INVALID", ["input", "operations", "1", *operation, where])
        for half, missing in (({"width": 1}, "height"), ({"height": 1}, "width")):
            for operation in (create(**half), change(book.page, **half)):
                refused = await book.do(operation)
                assert (refused.code, refused.path) == ("INVALID", ["input", "operations", "0", *operation, missing])


async def test_a_page_goes_behind_the_one_it_is_told_to_follow(book: PaintedBook) -> None:
    a = book.page
    b, c = await book.create(create(), create())
    [front] = await book.create(create(afterPageId=None))
    [second] = await book.create(create(afterPageId=a))
    [last] = await book.create(create(afterPageId=c))
    assert await book.pages() == [front, a, second, b, c, last]
    for moved, after, expected in (
        (a, last, [front, second, b, c, last, a]),
        (a, None, [a, front, second, b, c, last]),
        (front, second, [a, second, front, b, c, last]),
        (last, a, [a, last, second, front, b, c]),
    ):
        assert statuses(await book.do(change(moved, afterPageId=after))) == ["APPLIED"]
        assert await book.pages() == expected
        async with book.unchanged():
            assert statuses(await book.do(change(moved, afterPageId=after))) == ["NOOP"]
    one, other = uuid(), uuid()
    made = create(clientId=one, afterPageId=a), create(clientId=other, afterPageId=f"pg_{one}")
    assert statuses(await book.do(*made, change(a, afterPageId=f"pg_{other}"))) == ["APPLIED"] * 3
    assert await book.pages() == [f"pg_{one}", f"pg_{other}", a, last, second, front, b, c]
    async with book.unchanged():
        refused = await book.do(change(a, afterPageId=a))
        assert (refused.code, refused.path[3:]) == ("INVALID", ["updatePage", "afterPageId"])


async def test_a_page_goes_with_its_elements_and_the_event_tells_of_them(book: PaintedBook) -> None:
    [other] = await book.create(create())
    stays, goes, comes, leaves = await book.create(text(), text(pageId=other), text(), text(pageId=other))
    done = await book.do(move(comes, pageId=other), move(leaves, pageId=book.page), remove(other))
    assert statuses(done) == ["APPLIED"] * 3
    assert done.it["results"][0]["element"] is None
    assert await book.stack() == [stays, leaves]
    assert await book.pages() == [book.page]
    event = (await book.events(done.it["seq"] - 1))[0]
    assert sorted(event["deletedElementIds"]) == sorted([goes, comes])
    assert event["deletedPageIds"] == [other] and event["pages"] == []
    assert [element["id"] for element in event["elements"]] == [leaves]
    async with book.unchanged():
        late = await book.do(
            remove(other),
            change(other, name="late"),
            create(afterPageId=other),
            change(book.page, name="late", afterPageId=other),
            text(pageId=other),
            move(stays, pageId=other),
            update(goes, x=1),
            move(goes, to="FRONT"),
            move(stays, above=goes),
            delete(goes),
        )
        assert statuses(late) == ["NOOP", *["GONE"] * 8, "NOOP"]
        assert all(result["element"] is result["page"] is None for result in late.it["results"])


async def test_what_would_have_been_made_on_a_page_that_went_is_gone_for_the_whole_batch(book: PaintedBook) -> None:
    [other] = await book.create(create())
    await book.do(remove(other))
    element, page = uuid(), uuid()
    late = await book.do(
        text("late", clientId=element, pageId=other),
        update(f"el_{element}", x=1),
        move(f"el_{element}", to="BACK"),
        create(clientId=page, afterPageId=other),
        text("on it", pageId=f"pg_{page}"),
        change(book.page, name="Kept"),
    )
    assert statuses(late) == [*["GONE"] * 5, "APPLIED"]
    assert [(page["id"], page["name"]) for page in (await book.read())["pages"]] == [(book.page, "Kept")]
    # They were never there: the same clientIds can still be had.
    assert statuses(await book.do(text(clientId=element), create(clientId=page))) == ["APPLIED"] * 2


async def test_the_only_page_cannot_go(book: PaintedBook) -> None:
    async with book.unchanged():
        refused = await book.do(text("not kept"), remove(book.page))
        assert (refused.code, refused.path) == ("INVALID", ["input", "operations", "1", "deletePage", "id"])
    [other] = await book.create(create())
    async with book.unchanged():
        refused = await book.do(remove(book.page), remove(other))
        assert (refused.code, refused.path) == ("INVALID", ["input", "operations", "1", "deletePage", "id"])
    # Of two that want to delete one each, one may.
    both = await all_of(book.do(remove(book.page)), book.do(remove(other)))
    assert sorted(answer.code or "" for answer in both) == ["", "INVALID"]
    assert len(await book.pages()) == 1
    chosen = uuid()
    [left] = await book.pages()
    assert statuses(await book.do(create(clientId=chosen), remove(left), text("on the new one"))) == ["APPLIED"] * 3
    assert len(await book.stack(f"pg_{chosen}")) == 1


async def test_a_client_id_makes_one_page(book: PaintedBook) -> None:
    theirs = await PaintedBook.made(book.owner, book.database)
    chosen, taken = uuid(), uuid()
    await theirs.do(create(clientId=taken))
    assert statuses(await book.do(create(clientId=chosen, name="A"), create(clientId=chosen, name="B"))) == [
        "APPLIED",
        "NOOP",
    ]
    assert (await _page(book, f"pg_{chosen}"))["name"] == "A"
    path = ["input", "operations", "0", "createPage", "clientId"]
    async with book.unchanged(), theirs.unchanged():
        assert statuses(await book.do(create(clientId=chosen))) == ["NOOP"]
        refused = await book.do(create(clientId=taken))
        assert (refused.code, refused.path) == ("TAKEN", path)
        refused = await book.do(create(clientId=taken.upper()))
        assert (refused.code, refused.path) == ("INVALID", path)
    await book.do(remove(f"pg_{chosen}"))
    async with book.unchanged():
        assert statuses(await book.do(create(clientId=chosen))) == ["GONE"]
    # A page and an element are two things, whatever their UUIDs.
    assert statuses(await book.do(text(clientId=chosen))) == ["APPLIED"]


async def test_a_book_has_a_thousand_pages_at_most(book: PaintedBook) -> None:
    await book.do(*[create()] * 500)
    await book.do(*[create()] * 498)
    [last] = await book.create(create(name="The last"))
    assert (await book.pages())[-1] == last and len(await book.pages()) == 1_000
    async with book.unchanged():
        refused = await book.do(change(last, name="not kept"), create())
        assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "operations", "1", "createPage"])
    assert statuses(await book.do(remove(last), create())) == ["APPLIED"] * 2


async def test_four_people_reorder_the_pages_at_once(book: PaintedBook) -> None:
    others = await book.create(*[create()] * 7)
    everyone = [book.page, *others]

    async def reorder(seed: int) -> None:
        random = Random(seed)
        for _ in range(12):
            page, after = random.sample([*everyone, None], 2)
            if page is not None:
                assert (await book.do(change(page, afterPageId=after))).it["results"][0]["page"]["id"] == page

    await all_of(*(reorder(seed) for seed in range(4)))
    read = await book.read()
    assert sorted(page["id"] for page in read["pages"]) == sorted(everyone)
    keys = [page["orderKey"] for page in read["pages"]]
    assert keys == sorted(set(keys))
    told = {page["id"]: page for event in await book.events(1) for page in event["pages"]}
    assert sorted(told.values(), key=lambda page: (page["orderKey"], page["id"])) == [
        page for page in read["pages"] if page["id"] in told
    ]


async def test_two_pages_that_change_places_for_ever_keep_short_keys(book: PaintedBook) -> None:
    one, other, last = await book.create(*[create()] * 3)
    turns = [change(other, afterPageId=book.page), change(one, afterPageId=book.page)] * 250
    for _ in range(2):
        assert set(statuses(await book.do(*turns))) == {"APPLIED"}
        pages = (await book.read())["pages"]
        assert [page["id"] for page in pages] == [book.page, one, other, last]
        assert all(len(page["orderKey"]) <= KEY_LENGTH for page in pages)


async def test_a_page_of_another_book_does_not_exist(book: PaintedBook) -> None:
    theirs = await PaintedBook.made(book.owner, book.database)
    [element] = await book.create(text())
    async with book.unchanged(), theirs.unchanged():
        for page in (theirs.page, f"pg_{uuid()}", book.id, element, "", "pg_"):
            for operation, where in (
                (change(page, name="mine"), ["updatePage", "id"]),
                (remove(page), ["deletePage", "id"]),
                (create(afterPageId=page), ["createPage", "afterPageId"]),
                (change(book.page, afterPageId=page), ["updatePage", "afterPageId"]),
                (text(pageId=page), ["createText", "placement", "pageId"]),
                (move(element, pageId=page), ["moveElement", "pageId"]),
            ):
                refused = await book.do(operation)
                assert refused.user_errors == [
                    {
                        "code": "NOT_FOUND",
                        "message": "There is no such page in this book.",
                        "path": ["input", "operations", "0", *where],
                    }
                ]
