"""Moving: among the elements of a page, and to another one."""

import random
from typing import Any

from models.order import KEY_LENGTH
from tests.canvas import PaintedBook, all_of, delete, move, statuses, text, update, uuid


async def test_an_element_goes_to_its_place_and_stays_there(book: PaintedBook) -> None:
    a, b, c, d = await book.create(*[text()] * 4)
    steps: list[tuple[str, dict[str, Any], list[str]]] = [
        (a, {"to": "FRONT"}, [b, c, d, a]),
        (d, {"to": "BACK"}, [d, b, c, a]),
        (d, {"above": c}, [b, c, d, a]),
        (a, {"above": b}, [b, a, c, d]),
        (c, {"above": d}, [b, a, d, c]),
    ]
    for moved, where, expected in steps:
        before = {element["id"]: element for element in (await book.read())["elements"]}
        done = await book.do(move(moved, **where))
        assert statuses(done) == ["APPLIED"]
        assert await book.stack() == expected
        after = {element["id"]: element for element in (await book.read())["elements"]}
        assert after[moved]["seq"] == done.it["seq"]
        assert {id for id in after if after[id] != before[id]} == {moved}
        async with book.unchanged():
            again = (await book.do(move(moved, **where))).it
            assert again["results"] == [{"status": "NOOP", "element": after[moved], "page": None}]
    for to, steps_of in (
        ("FORWARD", [[a, b, d, c], [a, d, b, c], [a, d, c, b]]),
        ("BACKWARD", [[a, d, b, c], [a, b, d, c], [b, a, d, c]]),
    ):
        for order in steps_of:
            assert statuses(await book.do(move(b, to=to))) == ["APPLIED"]
            assert await book.stack() == order
        async with book.unchanged():
            assert statuses(await book.do(move(b, to=to))) == ["NOOP"]


async def test_an_element_goes_to_another_page(book: PaintedBook) -> None:
    page = uuid()
    await book.do({"createPage": {"clientId": page}})
    other = f"pg_{page}"
    a, b, c, d, low, high = await book.create(*[text()] * 4, *[text(pageId=other)] * 2)
    assert statuses(await book.do(move(a, pageId=other))) == ["APPLIED"]
    assert (await book.stack(), await book.stack(other)) == ([b, c, d], [low, high, a])
    assert statuses(await book.do(move(b, pageId=other, to="BACK"))) == ["APPLIED"]
    assert statuses(await book.do(move(c, pageId=other, above=low))) == ["APPLIED"]
    assert statuses(await book.do(move(d, pageId=other, to="FRONT"))) == ["APPLIED"]
    assert (await book.stack(), await book.stack(other)) == ([], [b, low, c, high, a, d])
    async with book.unchanged():
        assert statuses(await book.do(move(a, pageId=other), move(d, pageId=other, to="FRONT"))) == ["NOOP"] * 2
    assert statuses(await book.do(move(c, pageId=book.page), text(), move(c, to="FRONT"))) == ["APPLIED"] * 3
    assert (await book.stack())[1] == c


async def test_what_makes_no_place_is_refused(book: PaintedBook) -> None:
    [page] = await book.create({"createPage": {}})
    a, b, elsewhere = await book.create(text(), text(), text(pageId=page))
    refusals: list[tuple[dict[str, Any], str, str]] = [
        ({}, "REQUIRED", "to"),
        ({"to": None, "above": None, "pageId": None}, "REQUIRED", "to"),
        ({"to": "FRONT", "above": b}, "INVALID", "above"),
        ({"above": a}, "INVALID", "above"),
        ({"above": elsewhere}, "INVALID", "above"),
        ({"above": b, "pageId": page}, "INVALID", "above"),
        ({"above": f"el_{uuid()}"}, "NOT_FOUND", "above"),
        ({"pageId": f"pg_{uuid()}"}, "NOT_FOUND", "pageId"),
    ]
    async with book.unchanged():
        for where, code, field in refusals:
            refused = await book.do(update(b, x=99), move(a, **where))
            assert (refused.code, refused.path) == (code, ["input", "operations", "1", "moveElement", field])


async def test_two_that_change_places_for_ever_keep_short_keys(book: PaintedBook) -> None:
    low, one, other, high = await book.create(*[text()] * 4)
    for _ in range(2):
        assert set(statuses(await book.do(*[move(one, to="FORWARD"), move(other, to="FORWARD")] * 250))) == {"APPLIED"}
        elements = (await book.read())["elements"]
        assert [element["id"] for element in elements] == [low, one, other, high]
        assert all(len(element["orderKey"]) <= KEY_LENGTH for element in elements)
    assert [element["id"] for element in _folded(await book.events())] == [low, one, other, high]


async def test_among_equal_keys_there_is_room_too(book: PaintedBook) -> None:
    await book.create(*[text()] * 6)
    await book.database.execute("UPDATE elements SET order_key = 'a0'")
    a, b, c, d, e, f = await book.stack()
    assert statuses(await book.do(move(f, above=a))) == ["APPLIED"]
    assert await book.stack() == [a, f, b, c, d, e]
    assert [element["id"] for element in _folded(await book.events())] == [a, f, b, c, d, e]


async def test_two_inserts_into_one_gap_both_stand(book: PaintedBook) -> None:
    low, high, one, other = await book.create(*[text()] * 4)
    both = await all_of(book.do(move(one, above=low)), book.do(move(other, above=low)))
    assert [statuses(answer) for answer in both] == [["APPLIED"]] * 2
    stack = await book.stack()
    assert (stack[0], set(stack[1:3]), stack[3]) == (low, {one, other}, high)


async def test_any_run_of_moves_in_one_batch_comes_to_what_a_list_would(book: PaintedBook) -> None:
    pages = [book.page, *await book.create({"createPage": {}})]
    ids = await book.create(*[text()] * 8)
    chance, stacks, operations = random.Random(2), {pages[0]: list(ids), pages[1]: []}, []
    for _ in range(300):
        id = chance.choice(ids)
        here = next(page for page in pages if id in stacks[page])
        page = here if chance.random() < 0.9 else chance.choice(pages)
        others = [other for other in stacks[page] if other != id]
        index, where = chance.choice([(len(others), {"to": "FRONT"}), (0, {"to": "BACK"})])
        if others and chance.random() < 0.1:
            lower = chance.choice(others)
            index, where = others.index(lower) + 1, {"above": lower}
        elif here == page and chance.random() < 0.9:
            was = stacks[page].index(id)
            index, where = chance.choice(
                [(min(was + 1, len(others)), {"to": "FORWARD"}), (max(was - 1, 0), {"to": "BACKWARD"})]
            )
        stacks[here].remove(id)
        if chance.random() < 0.1:
            ids.remove(id)
            ids.append(f"el_{(made := uuid())}")
            operations += [delete(id), text(pageId=page, clientId=made)]
            stacks[page].append(ids[-1])
        else:
            operations.append(move(id, pageId=page, **where))
            stacks[page].insert(index, id)
    assert set(statuses(await book.do(*operations))) <= {"APPLIED", "NOOP"}
    assert {page: await book.stack(page) for page in pages} == stacks


def _folded(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told = {element["id"]: element for event in events for element in event.get("elements", ())}
    return sorted(told.values(), key=lambda element: (element["orderKey"], element["id"]))
