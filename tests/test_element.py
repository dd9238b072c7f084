"""Elements: the fields of the five kinds, what they may hold, and what becomes of a photo's placements."""

import json
from typing import Any
from uuid import uuid4

from models.element import Element
from tests import client as asks
from tests.canvas import CREATIONS, POINTS, PaintedBook, delete, statuses, text, update, uuid
from tests.client import Answer, placed

PLACEMENT = {"scaleX": -1, "scaleY": 0, "angle": -7.5, "opacity": 0, "locked": True}
OWN: dict[str, dict[str, Any]] = {
    "createImage": {"crop": {"x": 0.1, "y": 0, "width": 0.9, "height": 1}, "cornerRadius": 0.5},
    "createText": {"content": "", "fontSize": 0.01, "fontFamily": "", "color": "#00000000", "align": "RIGHT"},
    "createRectangle": {"fill": "#000000", "stroke": "#ffffff80", "strokeWidth": 0, "cornerRadius": 3},
    "createCircle": {"fill": "#000000", "stroke": "#ffffff80", "strokeWidth": 1e15},
    "createDrawing": {"points": [{"x": -1e15, "y": 0.1}] * 3, "stroke": "#00000000", "strokeWidth": 0},
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "createImage": {"__typename": "ImageElement", "imageId": None, "image": None, "crop": None, "cornerRadius": 0},
    "createText": {
        "__typename": "TextElement",
        "content": "Hello",
        "fontSize": 16,
        "fontFamily": None,
        "color": "#000000",
        "align": "LEFT",
    },
    "createRectangle": {
        "__typename": "RectangleElement",
        "fill": None,
        "stroke": "#000000",
        "strokeWidth": 1,
        "cornerRadius": 0,
    },
    "createCircle": {"__typename": "CircleElement", "fill": None, "stroke": "#000000", "strokeWidth": 1},
    "createDrawing": {"__typename": "DrawingElement", "points": POINTS, "stroke": "#000000", "strokeWidth": 1},
}
#: What is no value of a field, by the verb that creates its kind.
BAD: dict[str, list[tuple[str, Any]]] = {
    "createImage": [
        *(("x", number) for number in (1.1e15, -1.1e15)),
        *(("width", number) for number in (-0.1, 1.1e15)),
        *(("opacity", number) for number in (-0.01, 1.01)),
        *((field, None) for field in ("x", "y", "width", "height", "scaleX", "scaleY", "angle", "opacity", "locked")),
        *(("crop", {"x": 0, "y": 0, **part}) for part in ({"width": 0, "height": 1}, {"width": 1, "height": 1.1})),
        ("crop", {"x": 0.5, "y": 0, "width": 0.6, "height": 1}),
        ("crop", {"x": -0.1, "y": 0, "width": 0.6, "height": 1}),
        ("cornerRadius", -1),
        ("cornerRadius", None),
    ],
    "createText": [
        ("content", "x" * 20_001),
        ("content", None),
        *(("fontSize", size) for size in (0, -1, 10_001, None)),
        ("fontFamily", "x" * 201),
        *(("color", color) for color in ("", "red", "#fff", "#12345", "#1234567", "#gggggg", "#000000 ", "#000000\n")),
        ("color", None),
        ("align", None),
    ],
    "createRectangle": [("fill", "black"), ("stroke", "#0"), ("strokeWidth", -1), ("strokeWidth", None)],
    "createCircle": [("fill", 5), ("stroke", ["#000000"]), ("strokeWidth", 1.1e15)],
    "createDrawing": [
        *(("points", POINTS[:count]) for count in (0, 1)),
        ("points", POINTS[:1] * 10_001),
        ("points", [*POINTS, {"x": 1.1e15, "y": 0}]),
        ("points", None),
    ],
}
#: By kind, what no element of it has.
STRANGE = {
    "createImage": ["content", "fontSize", "fontFamily", "color", "align", "fill", "stroke", "strokeWidth", "points"],
    "createText": ["imageId", "crop", "cornerRadius", "fill", "stroke", "strokeWidth", "points"],
    "createRectangle": ["imageId", "crop", "content", "fontSize", "fontFamily", "color", "align", "points"],
    "createCircle": ["imageId", "crop", "cornerRadius", "content", "fontSize", "color", "align", "points"],
    "createDrawing": ["imageId", "crop", "cornerRadius", "content", "fontFamily", "color", "align", "fill"],
}
VALUES: dict[str, Any] = {
    **{name: value for fields in OWN.values() for name, value in fields.items()},
    "imageId": None,
    "content": "Hello",
}


async def _kinds(book: PaintedBook) -> dict[str, str]:
    """One element of each kind, by the verb that made it."""
    ids = await book.create(*({verb: {"placement": placed(), **fields}} for verb, fields in CREATIONS.items()))
    return dict(zip(CREATIONS, ids, strict=True))


async def test_every_kind_has_its_defaults(book: PaintedBook) -> None:
    made = (await book.do(*({verb: {"placement": placed(1, 2, 3, 0), **f}} for verb, f in CREATIONS.items()))).it
    assert [result["status"] for result in made["results"]] == ["APPLIED"] * 5
    elements = [result["element"] for result in made["results"]]
    for (verb, defaults), element in zip(DEFAULTS.items(), elements, strict=True):
        common = {"x": 1, "y": 2, "width": 3, "height": 0, "scaleX": 1, "scaleY": 1, "angle": 0, "opacity": 1}
        whose = {"createdBy": {"id": book.owner.user_id}, "updatedBy": {"id": book.owner.user_id}}
        expected = {**common, **whose, **defaults, "locked": False, "pageId": book.page, "seq": made["seq"]}
        known = {name: element[name] for name in ("id", "orderKey", "createdAt", "updatedAt")}
        assert element == {**expected, **known}, verb
        assert element["createdAt"] == element["updatedAt"]
    assert (await book.read())["elements"] == elements == (await book.events(made["seq"] - 1))[0]["elements"]


async def test_every_field_can_be_set_from_the_start(book: PaintedBook) -> None:
    made = [{verb: {"placement": placed(**PLACEMENT), **fields}} for verb, fields in OWN.items()]
    await book.create(*made)
    for element, fields in zip((await book.read())["elements"], OWN.values(), strict=True):
        assert {**element, **PLACEMENT, **fields} == element


async def test_an_update_changes_what_was_sent_and_nothing_else(book: PaintedBook) -> None:
    for verb, id in (await _kinds(book)).items():
        for name, value in {**PLACEMENT, **OWN[verb]}.items():
            before = await book.element(id)
            done = (await book.do(update(id, **{name: value}))).it
            assert done["results"][0]["status"] == "APPLIED"
            after = await book.element(id)
            assert after == {**before, name: value, "seq": done["seq"], "updatedAt": after["updatedAt"]}
            assert done["results"][0]["element"] == after
            assert (await book.do(update(id, **{name: value}))).it["results"] == [
                {**done["results"][0], "status": "NOOP"}
            ]


async def test_null_clears_what_can_be_without(book: PaintedBook) -> None:
    kinds = await _kinds(book)
    photo = await book.photo()
    await book.do(
        update(kinds["createImage"], imageId=photo, crop=OWN["createImage"]["crop"]),
        update(kinds["createText"], fontFamily="Vollkorn"),
        *(update(kinds[verb], fill="#123456", stroke="#123456") for verb in ("createRectangle", "createCircle")),
        update(kinds["createDrawing"], stroke="#123456"),
    )
    cleared: dict[str, dict[str, Any]] = {
        "createImage": {"imageId": None, "crop": None},
        "createText": {"fontFamily": None},
        "createRectangle": {"fill": None, "stroke": None},
        "createCircle": {"fill": None, "stroke": None},
        "createDrawing": {"stroke": None},
    }
    done = await book.do(*(update(kinds[verb], **fields) for verb, fields in cleared.items()))
    assert statuses(done) == ["APPLIED"] * 5
    made = await book.create(
        *({verb: {"placement": placed(), **CREATIONS[verb], **fields}} for verb, fields in cleared.items())
    )
    for verb, new in zip(cleared, made, strict=True):
        for element in (await book.element(kinds[verb]), await book.element(new)):
            assert {**element, **cleared[verb]} == element


async def test_what_is_no_value_of_a_field_is_invalid_there(book: PaintedBook) -> None:
    kinds = await _kinds(book)
    async with book.unchanged():
        for verb, id in kinds.items():
            for field, value in BAD[verb]:
                refused = await book.do(text("not kept"), update(id, **{field: value}))
                assert refused.code == "INVALID", (field, value, refused)
                assert refused.path == ["input", "operations", "1", "updateElement", field]
                assert refused.data == {
                    "applyOperations": {
                        "seq": None,
                        "results": None,
                        "conflicts": None,
                        "userErrors": refused.user_errors,
                    }
                }
            for field in STRANGE[verb]:
                for strange in (VALUES[field], None):
                    refused = await book.do(update(id, **{field: strange}))
                    assert (refused.code, refused.path[3:]) == ("INVALID", ["updateElement", field])


async def test_a_creation_is_held_to_the_same_values(book: PaintedBook) -> None:
    async with book.unchanged():
        for verb, bad in BAD.items():
            for field, value in bad:
                fields, placement = {**CREATIONS[verb]}, placed()
                where = [field] if field in OWN[verb] else ["placement", field]
                (fields if field in OWN[verb] else placement)[field] = value
                refused = await book.do({verb: {"placement": placement, **fields}})
                if value is None and where[-1] in ("x", "y", "width", "height", "content", "points"):
                    assert refused.code == "BAD_USER_INPUT"
                else:
                    assert refused.code == "INVALID", (field, value, refused)
                    assert refused.path == ["input", "operations", "0", verb, *where]


async def test_a_number_that_no_double_holds_is_refused(book: PaintedBook) -> None:
    [id] = await book.create(text())
    async with book.unchanged():
        for number in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400):
            variables = {"input": {"bookId": book.id, "batchId": "b", "operations": [update(id, x="@")]}}
            body = json.dumps({"query": asks.APPLY, "variables": variables}).replace('"@"', number)
            assert await _code(book, body) in ("BAD_USER_INPUT", "INVALID"), number
            operation = f'{{updateElement: {{id: "{id}", x: {number}}}}}'
            literal = f'{{bookId: "{book.id}", batchId: "c", operations: [{operation}]}}'
            asked = f"mutation {{ applyOperations(input: {literal}) {{ userErrors {{ code path }} }} }}"
            assert await _code(book, json.dumps({"query": asked})) in ("BAD_USER_INPUT", "INVALID"), number


async def _code(book: PaintedBook, body: str) -> str | None:
    headers = {"authorization": f"Bearer {book.owner.token}", "content-type": "application/json"}
    sent = await book.owner.http.post(f"{book.owner.url}/graphql", content=body, headers=headers)
    assert sent.status_code in (200, 400)
    return Answer(sent.json().get("data"), sent.json().get("errors", []), sent.status_code).code


async def test_the_edges_of_what_is_allowed_are_allowed(book: PaintedBook) -> None:
    kinds = await _kinds(book)
    edges: list[tuple[str, dict[str, Any]]] = [
        ("createImage", {"x": -1e15, "y": 1e15, "width": 0, "height": 1e15, "scaleX": 0, "opacity": 1}),
        ("createImage", {"crop": {"x": 0, "y": 0, "width": 1, "height": 1}}),
        ("createImage", {"crop": {"x": 0.7, "y": 0.9, "width": 0.3, "height": 0.1}}),
        ("createText", {"content": "x" * 20_000, "fontSize": 10_000, "fontFamily": "x" * 200}),
        ("createText", {"content": "\U0001f3a8 ‮'\";--", "fontSize": 0.01, "color": "#abcdef01"}),
        ("createDrawing", {"points": [{"x": 0.1, "y": 5e-324}] * 10_000}),
    ]
    for verb, fields in edges:
        assert statuses(await book.do(update(kinds[verb], **fields))) == ["APPLIED"]
        element = await book.element(kinds[verb])
        assert {**element, **fields} == element


async def test_colours_are_kept_in_lower_case(book: PaintedBook) -> None:
    kinds = await _kinds(book)
    assert statuses(await book.do(update(kinds["createText"], color="#ABCDEF"))) == ["APPLIED"]
    assert (await book.element(kinds["createText"]))["color"] == "#abcdef"
    assert statuses(await book.do(update(kinds["createText"], color="#AbCdEf"))) == ["NOOP"]


async def test_a_photo_that_has_gone_leaves_a_book_that_can_be_read(book: PaintedBook) -> None:
    photos = [await book.photo(status) for status in ("READY", "PROCESSING", "PENDING", "READY")]
    made = await book.create(*({"createImage": {"placement": placed(), "imageId": photo}} for photo in photos))
    raw = [photo.removeprefix("im_") for photo in photos]
    await book.database.execute("UPDATE images SET status = 'FAILED' WHERE id = $1", raw[0])
    await book.database.execute("UPDATE images SET deleted_at = now() WHERE id = $1", raw[1])
    await book.database.execute("DELETE FROM images WHERE id = $1", raw[2])
    elements = {element["id"]: element for element in (await book.read())["elements"]}
    assert [elements[id]["imageId"] for id in made] == [photos[0], photos[1], None, photos[3]]
    shown = [{"id": photos[0]}, None, None, {"id": photos[3]}]
    assert [elements[id]["image"] for id in made] == shown
    event = (await book.events())[-1]
    assert [element["imageId"] for element in event["elements"]] == photos
    assert [element["image"] for element in event["elements"]] == shown
    # They can still be moved, and given another photo.
    moved = [update(id, x=7) for id in made]
    assert statuses(await book.do(*moved, update(made[2], imageId=photos[3]))) == ["APPLIED"] * 5


_FAILED = "This photo is FAILED, for its failureReason: there is nothing to show."


async def test_a_photo_that_failed_or_went_cannot_be_placed(book: PaintedBook) -> None:
    failed, gone, awaited = await book.photo("FAILED"), await book.photo(), await book.photo("PROCESSING")
    await book.database.execute("UPDATE images SET deleted_at = now() WHERE id = $1", gone.removeprefix("im_"))
    [slot] = await book.create({"createImage": {"placement": placed()}})
    async with book.unchanged():
        for photo in (failed, gone, f"im_{uuid()}", "im_", slot, ""):
            refused = await book.do({"createImage": {"placement": placed(), "imageId": photo}})
            assert (refused.code, refused.path) == ("NOT_FOUND", ["input", "operations", "0", "createImage", "imageId"])
            refused = await book.do(update(slot, imageId=photo))
            assert (refused.code, refused.path[3:]) == ("NOT_FOUND", ["updateElement", "imageId"])
            [said] = refused.user_errors
            assert said["message"] == (_FAILED if photo == failed else "There is no such photo in this book.")
    assert statuses(await book.do(update(slot, imageId=awaited))) == ["APPLIED"]


async def test_a_client_id_is_the_elements_own_and_makes_one_element(book: PaintedBook) -> None:
    chosen = uuid()
    made = (await book.do(text("first", clientId=chosen), update(f"el_{chosen}", x=5))).it
    assert [result["element"]["id"] for result in made["results"]] == [f"el_{chosen}"] * 2
    assert made["results"][1]["element"]["x"] == 5
    async with book.unchanged():
        again = (await book.do(text("second", clientId=chosen))).it
        assert again == {**made, "results": [{**made["results"][1], "status": "NOOP"}]}
    await book.do(delete(f"el_{chosen}"))
    async with book.unchanged():
        gone = (await book.do(text("third", clientId=chosen))).it
        assert gone["results"] == [{"status": "GONE", "element": None, "page": None}]


async def test_a_client_id_that_is_not_ours_to_have_is_refused(book: PaintedBook) -> None:
    theirs = await PaintedBook.made(book.owner, book.database)
    taken, dead = uuid(), uuid()
    await theirs.do(text(clientId=taken), text(clientId=dead), delete(f"el_{dead}"))
    path = ["input", "operations", "0", "createText", "placement", "clientId"]
    async with book.unchanged(), theirs.unchanged():
        for client_id in (taken, dead):
            refused = await book.do(text(clientId=client_id))
            assert (refused.code, refused.path) == ("TAKEN", path)
        for client_id in ("", "x", taken.upper(), f"el_{taken}", taken.replace("-", ""), f"{taken} "):
            refused = await book.do(text(clientId=client_id))
            assert (refused.code, refused.path) == ("INVALID", path)


def test_what_an_older_program_told_of_is_still_heard() -> None:
    told = Element(book_id=uuid4(), page_id=uuid4(), kind="IMAGE", order_key="a0", x=1, y=2, width=3, height=4).told()
    del told["opacity"], told["points"]
    heard = Element.heard(told)
    assert (heard.x, heard.opacity, heard.points) == (1, 1, None)
