"""A batch: all of it or nothing, one seq, one event, one effect however often it is asked for."""

from typing import Any

import pytest

from resolvers.operation import telling
from tests import client as asks
from tests.canvas import PaintedBook, all_of, delete, move, statuses, text, update, uuid
from tests.client import apply, placed


async def test_a_batch_is_one_event_with_one_seq(book: PaintedBook) -> None:
    before = (await book.read())["seq"]
    chosen, photo = uuid(), await book.photo()
    created: list[dict[str, Any]] = [
        {"createPage": {"clientId": chosen, "name": "Two"}},
        {"createImage": {"placement": placed(pageId=f"pg_{chosen}"), "imageId": photo}},
        text("kept"),
        text("deleted", clientId=chosen),
        update(f"el_{chosen}", x=5),
        delete(f"el_{chosen}"),
    ]
    done = (await book.do(*created, batch="one")).it
    assert done["seq"] == before + 1
    assert [result["status"] for result in done["results"]] == ["APPLIED"] * 6
    # What the batch itself took away again is not shown as if it were there.
    assert [result["element"] and result["element"]["seq"] for result in done["results"]] == [
        None,
        *[before + 1] * 2,
        *[None] * 3,
    ]
    [event] = await book.events(before)
    read = await book.read()
    assert (event["seq"], event["batchId"], event["actor"]) == (before + 1, "one", {"id": book.owner.user_id})
    assert event["deletedElementIds"] == [f"el_{chosen}"]
    assert {element["id"]: element for element in event["elements"]} == {e["id"]: e for e in read["elements"]}
    assert event["pages"] == read["pages"][1:]


async def test_a_batch_with_one_bad_operation_changes_nothing(book: PaintedBook) -> None:
    id, other = await book.create(text(), text())
    good = [
        text(),
        {"createPage": {}},
        {"updatePage": {"id": book.page, "name": "X"}},
        update(id, x=1),
        move(id, to="FRONT"),
        delete(other),
    ]
    async with book.unchanged():
        refused = await book.do(*good, update(id, opacity=2), *good, batch="again")
        assert (refused.code, refused.path) == ("INVALID", ["input", "operations", "6", "updateElement", "opacity"])
    # A refused batch is not remembered.
    assert statuses(await book.do(*good, batch="again")) == ["APPLIED"] * 6


async def test_a_batch_has_1_to_500_operations_and_a_name_of_1_to_100_characters(book: PaintedBook) -> None:
    async with book.unchanged():
        for count in (0, 501):
            refused = await book.do(*[text()] * count)
            assert (refused.code, refused.path) == ("INVALID", ["input", "operations"])
        for name in ("", "x" * 101):
            refused = await apply(book.owner, book.id, name, text())
            assert (refused.code, refused.path) == ("INVALID", ["input", "batchId"])
        for strange in ({}, {**text(), **delete(f"el_{uuid()}")}, {"createPage": None}):
            assert (await book.do(strange)).code == "BAD_USER_INPUT"
        assert (await book.do(text(), batch="\0")).code == "BAD_USER_INPUT"
        assert (await book.do(text("\0"))).code == "BAD_USER_INPUT"
    done = await book.do(*[text()] * 500, batch="é" * 100)
    assert statuses(done) == ["APPLIED"] * 500
    assert len(await book.stack()) == 500


async def test_a_repeat_has_the_first_seq_and_statuses_and_no_second_effect(book: PaintedBook) -> None:
    id, dead = await book.create(text(), text())
    await book.do(delete(dead))
    batch = [text("new"), update(id, x=1), update(id, x=1), update(dead, x=1), delete(dead), {"createPage": {}}]
    first = (await book.do(*batch, batch="b")).it
    assert [result["status"] for result in first["results"]] == [
        "APPLIED",
        "APPLIED",
        "NOOP",
        "GONE",
        "NOOP",
        "APPLIED",
    ]
    async with book.unchanged():
        assert (await book.do(*batch, batch="b")).it == first
    await book.do(update(id, x=2), delete(first["results"][0]["element"]["id"]))
    async with book.unchanged():
        again = (await book.do(*batch, batch="b")).it
    assert again["seq"] == first["seq"]
    assert [result["status"] for result in again["results"]] == [result["status"] for result in first["results"]]
    # What they were about is as it is now.
    assert again["results"][0]["element"] is None and again["results"][1]["element"]["x"] == 2


async def test_a_batch_id_with_other_operations_is_a_conflict(book: PaintedBook) -> None:
    [id] = await book.create(text())
    await book.do(update(id, x=1, y=2), batch="b")
    assert statuses(await book.do({"updateElement": {"y": 2, "x": 1, "id": id}}, batch="b")) == ["APPLIED"]
    async with book.unchanged():
        for other in ([update(id, x=1)], [update(id, x=1, y=3)], [update(id, x=1, y=2)] * 2, [delete(id)]):
            refused = await book.do(*other, batch="b")
            assert (refused.code, refused.path) == ("CONFLICT", ["input", "batchId"])


async def test_a_batch_id_is_the_users_own_within_the_book(book: PaintedBook) -> None:
    editor = await book.joined("Ed", "EDITOR")
    theirs = await PaintedBook.made(book.owner, book.database)
    assert statuses(await book.do(text("one"), batch="b")) == ["APPLIED"]
    assert statuses(await book.do(text("other"), batch="b", by=editor)) == ["APPLIED"]
    assert statuses(await theirs.do(text("elsewhere"), batch="b")) == ["APPLIED"]
    assert [element["content"] for element in (await book.read())["elements"]] == ["one", "other"]


async def test_thirty_repeats_at_once_have_one_effect(book: PaintedBook, elsewhere: PaintedBook) -> None:
    before = (await book.read())["seq"]
    answers = await all_of(*(at.do(text("once"), batch="b") for at in (book, elsewhere) * 15))
    first = answers[0].it
    assert first["seq"] == before + 1 and all(answer.it == first for answer in answers)
    assert (await book.read())["elements"] == [first["results"][0]["element"]]
    assert len(await book.events(before)) == 1


async def test_what_changed_since_is_a_conflict_and_is_told_as_it_is_now(book: PaintedBook) -> None:
    a, b, c, d = await book.create(*[text()] * 4)
    seen = (await book.read())["seq"]
    await book.do(update(a, x=1), update(b, x=1), move(c, to="BACK"))
    elements = {element["id"]: element for element in (await book.read())["elements"]}
    async with book.unchanged():
        refused = await book.do(
            update(d, y=9, ifSeq=seen),
            {"deleteElement": {"id": b, "ifSeq": seen}},
            update(a, y=8),
            update(a, y=9, ifSeq=seen),
            {"moveElement": {"id": c, "ifSeq": seen, "to": "FRONT"}},
            update(a, x=1, ifSeq=seen),
            batch="b",
        )
    assert refused.data is not None and not refused.errors
    payload = refused.data["applyOperations"]
    assert payload["conflicts"] == [elements[b], elements[a], elements[c]]
    assert (payload["seq"], payload["results"]) == (None, None)
    assert [(error["code"], error["path"][2:]) for error in payload["userErrors"]] == [
        ("CONFLICT", ["1", "deleteElement", "ifSeq"]),
        ("CONFLICT", ["3", "updateElement", "ifSeq"]),
        ("CONFLICT", ["4", "moveElement", "ifSeq"]),
        ("CONFLICT", ["5", "updateElement", "ifSeq"]),
    ]
    # With what they know now, and with their own changes of the same batch, there is none.
    now = seen + 1
    mine = update(a, y=1, ifSeq=now), update(a, y=2, ifSeq=now), {"deleteElement": {"id": a, "ifSeq": now}}
    assert statuses(await book.do(*mine, update(d, y=1, ifSeq=seen), batch="b")) == ["APPLIED"] * 4
    # What has gone is gone, not in conflict.
    gone = await book.do(update(a, x=5, ifSeq=0), {"deleteElement": {"id": a, "ifSeq": 0}})
    assert statuses(gone) == ["GONE", "NOOP"]


async def test_what_asks_for_nothing_new_makes_no_seq(book: PaintedBook) -> None:
    [id, dead] = await book.create(text(), text())
    await book.do(delete(dead))
    async with book.unchanged():
        seq = (await book.read())["seq"]
        idle = await book.do(update(id), update(id, content="Hello"), move(id, to="BACK"), delete(dead))
        assert statuses(idle) == ["NOOP"] * 4
        assert idle.it["seq"] == seq


async def test_what_no_event_could_carry_is_too_large(book: PaintedBook, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = {"createDrawing": {"placement": placed(), "points": [{"x": 0.5, "y": 0.5}] * 1_000}}
    ids = await book.create(*[drawing] * 4)
    # Lower than it is, which would take minutes to fill: as much as two of them weigh.
    monkeypatch.setattr(telling, "EVENT_SIZE", 100_000)
    async with book.unchanged():
        refused = await book.do(*(update(id, x=1) for id in ids))
        assert (refused.code, refused.path) == ("TOO_LARGE", ["input", "operations"])
    assert statuses(await book.do(*(update(id, x=1) for id in ids[:2]))) == ["APPLIED"] * 2
    assert statuses(await book.do(*(delete(id) for id in ids))) == ["APPLIED"] * 4


async def test_a_book_of_long_drawings_is_full_at_last_and_what_goes_makes_room(
    book: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_weighed() -> None:
        weighed = "sum(500 + 2 * coalesce(length(content), 0) + 40 * coalesce(jsonb_array_length(points), 0))"
        there = await book.database.fetchval(f"SELECT {weighed} FROM elements WHERE deleted_at IS NULL")
        assert await book.database.fetchval("SELECT weight FROM books") == (there or 0)

    def drawing(points: int) -> dict[str, Any]:
        return {"createDrawing": {"placement": placed(), "points": [{"x": 0.5, "y": 0.5}] * points}}

    # Lower than it is, which would take minutes to fill: as much as two of them weigh.
    monkeypatch.setattr(telling, "WEIGHT_LIMIT", 100_000)
    first, second = await book.create(drawing(1_000), drawing(1_000))
    await is_weighed()
    async with book.unchanged():
        for full in (drawing(1_000), update(first, points=[{"x": 0.5, "y": 0.5}] * 3_000)):
            refused = await book.do(full)
            assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "operations"])
    assert statuses(await book.do(update(first, points=[{"x": 0.5, "y": 0.5}] * 2), drawing(900))) == ["APPLIED"] * 2
    await is_weighed()
    assert statuses(await book.do(delete(second), text("room"), move(first, to="FRONT"))) == ["APPLIED"] * 3
    await is_weighed()


async def test_a_book_has_ten_thousand_elements_at_most(book: PaintedBook) -> None:
    [id] = await book.create(text())
    columns = "book_id, page_id, kind, seq, x, y, width, height, scale_x, scale_y, angle, opacity, locked"
    await book.database.execute(
        f"INSERT INTO elements (id, order_key, created_at, updated_at, {columns}) "
        f"SELECT gen_random_uuid(), 'Zz' || lpad(n::text, 5, '0') || 'V', now(), now(), {columns} "
        "FROM elements, generate_series(1, 9998) n WHERE id = $1",
        id.removeprefix("el_"),
    )
    assert statuses(await book.do(text("the last"))) == ["APPLIED"]
    before = await book.database.fetch("SELECT id, seq, x FROM elements ORDER BY id")
    refused = await book.do(update(id, x=99), text("one too many"))
    assert (refused.code, refused.path) == ("LIMIT_REACHED", ["input", "operations", "1", "createText"])
    assert await book.database.fetch("SELECT id, seq, x FROM elements ORDER BY id") == before
    # One that was deleted leaves room, in the same batch too; a repeat asks for none.
    assert statuses(await book.do(move(id, to="BACK"), delete(id), text())) == ["APPLIED"] * 3
    assert (await book.do(text())).code == "LIMIT_REACHED"


@pytest.mark.parametrize("role", ["VIEWER", "CONTRIBUTOR"])
async def test_who_only_looks_may_not_touch(book: PaintedBook, role: str) -> None:
    looking = await book.joined("Lou", role)
    [id] = await book.create(text())
    every: list[dict[str, Any]] = [
        text(),
        update(id, x=1),
        move(id, to="FRONT"),
        delete(id),
        {"createPage": {}},
        {"updatePage": {"id": book.page, "name": "mine"}},
        {"deletePage": {"id": book.page}},
    ]
    async with book.unchanged():
        for asked in every:
            refused = await book.do(asked, by=looking)
            assert (refused.code, refused.data) == ("FORBIDDEN", {"applyOperations": None})


async def test_only_editors_and_owners_of_a_living_book_may_paint(book: PaintedBook) -> None:
    stranger = await book.owner.sign_up("Stranger")
    editor = await book.joined("Ed", "EDITOR")
    assert statuses(await book.do(text(), by=editor)) == ["APPLIED"]
    nobody = asks.Client(book.owner.http, book.owner.url)
    async with book.unchanged():
        for who, code in ((nobody, "UNAUTHENTICATED"), (stranger, "NOT_FOUND")):
            refused = await book.do(text(), by=who)
            assert (refused.code, refused.data) == (code, {"applyOperations": None})
            assert (await book.do(by=nobody)).code == "UNAUTHENTICATED"
        for absent in (f"bk_{uuid()}", book.page, ""):
            other = await apply(book.owner, absent, "b", text())
            assert [e["message"] for e in other.errors] == [e["message"] for e in refused.errors]
            assert (other.code, other.data) == ("NOT_FOUND", {"applyOperations": None})
    raw = book.id.removeprefix("bk_")
    await book.database.execute("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", raw)
    async with book.unchanged():
        assert (await book.do(text(), by=stranger)).code == "FORBIDDEN"
    await book.database.execute("UPDATE books SET deleted_at = now() WHERE id = $1", raw)
    async with book.unchanged():
        refused = await book.do(text())
        assert (refused.code, refused.path) == ("GONE", ["input", "bookId"])
        assert (await book.do(text(), by=stranger)).code == "NOT_FOUND"


async def test_nothing_of_another_book_can_be_touched_or_told_from_nothing(book: PaintedBook) -> None:
    theirs = await PaintedBook.made(await book.owner.sign_up("Other"), book.database)
    [mine] = await book.create({"createImage": {"placement": placed()}})
    element, dead = await theirs.create(text(), text())
    await theirs.do(delete(dead))
    photo, absent = await theirs.photo(), uuid()
    async with book.unchanged(), theirs.unchanged():
        for id in (element, dead, f"el_{absent}", photo, f"pg_{element[3:]}", element.upper(), element[3:], ""):
            for asked, where in (
                (update(id, x=666), ["updateElement", "id"]),
                (move(id, to="FRONT"), ["moveElement", "id"]),
                (delete(id), ["deleteElement", "id"]),
                (move(mine, above=id), ["moveElement", "above"]),
            ):
                refused = await book.do(update(mine, x=1), asked)
                assert refused.user_errors == [
                    {
                        "code": "NOT_FOUND",
                        "message": "There is no such element in this book.",
                        "path": ["input", "operations", "1", *where],
                    }
                ]
        for id in (photo, f"im_{absent}"):
            for asked, verb in (
                ({"createImage": {"placement": placed(), "imageId": id}}, "createImage"),
                (update(mine, imageId=id), "updateElement"),
            ):
                assert (await book.do(asked)).user_errors == [
                    {
                        "code": "NOT_FOUND",
                        "message": "There is no such photo in this book.",
                        "path": ["input", "operations", "0", verb, "imageId"],
                    }
                ]
