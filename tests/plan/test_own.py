"""What Python shows of a row that was just written is what a statement would have shown."""

import json
from typing import Any

import pytest
import pytest_asyncio

from schema.plan.plan import Plan
from server.app import App
from tests.canvas import CREATIONS, PaintedBook, update
from tests.client import Client, placed
from tests.operation.test_statements import statements
from tests.people import somebody

PLAIN = """
  __typename key: id pageId x y width height scaleX scaleY angle opacity orderKey locked seq
  ... on ImageElement { cornerRadius imageId }
  ... on TextElement { content fontSize fontFamily color align }
  ... on RectangleElement { fill stroke strokeWidth cornerRadius }
  ... on CircleElement { fill again: fill stroke strokeWidth }
  ... on DrawingElement { stroke strokeWidth }
"""


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def book(town: tuple[App, Client]) -> Any:
    ada = await somebody(*town, "Ada")
    connection = await town[0].parts.database.connect()
    yield await PaintedBook.made(ada, connection)
    await connection.close()


def applying(selection: str, name: str) -> str:
    return (
        f"mutation {name}($input: ApplyOperationsInput!) {{ applyOperations(input: $input) {{"
        f" results {{ status element {{ {selection} }} page {{ id name orderKey width background }} }}"
        " userErrors { code } } }"
    )


async def asked(book: PaintedBook, document: str, *operations: dict[str, Any], batch: str) -> Any:
    answer = await book.owner.ask(document, input={"bookId": book.id, "batchId": batch, "operations": [*operations]})
    assert answer.code is None, answer
    return answer.it["results"]


async def test_both_show_the_same_of_every_kind(app: App, book: PaintedBook, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = await book.photo()
    kinds = {**CREATIONS, "createImage": {"imageId": photo}}
    ids = await book.create(*({verb: {"placement": placed(), **fields}} for verb, fields in kinds.items()))
    ids += await book.create({"createImage": {"placement": placed()}})
    changes = [update(id, x=x, angle=0.1, opacity=0.25) for x, id in enumerate(ids, 1)]
    with statements(app) as sent:
        ours = await asked(book, applying(PLAIN, "Ours"), *changes, {"createPage": {"name": '"ñ"'}}, batch="ours")
    assert "jsonb_populate_recordset(NULL::elements" not in "".join(sent)
    monkeypatch.setattr(Plan, "_shown", staticmethod(lambda writer, places: None))
    changes = [update(id, x=x + 0.5) for x, id in enumerate(ids, 1)]
    with statements(app) as sent:
        theirs = await asked(book, applying(PLAIN, "Theirs"), *changes, {"createPage": {"name": '"ñ"'}}, batch="theirs")
    assert "jsonb_populate_recordset(NULL::elements" in "".join(sent)
    for one, other in zip(ours, theirs, strict=True):
        if one["element"] is not None:
            assert (other["element"]["x"] - one["element"]["x"], other["element"]["seq"]) == (
                0.5,
                one["element"]["seq"] + 1,
            )
            one["element"] |= {"x": 0, "seq": 0}
            other["element"] |= {"x": 0, "seq": 0}
        else:
            for page in (one["page"], other["page"]):
                assert page["orderKey"] and page.pop("id")
                page["orderKey"] = ""
    # As texts, so that the order of keys counts as well.
    assert _told(ours) == _told(theirs)


@pytest.mark.parametrize("selection", ["updatedAt", "image: book { id }", "... on DrawingElement { points { x } }"])
async def test_what_python_does_not_show_a_statement_does(app: App, book: PaintedBook, selection: str) -> None:
    [id] = await book.create({"createDrawing": {"placement": placed(), **CREATIONS["createDrawing"]}})
    for x in (1, 2):
        [result] = await asked(book, applying(selection, "Shown"), update(id, x=x), batch=f"{selection}{x}")
        assert len(result["element"]) == 1 and next(iter(result["element"].values()))


def _told(results: Any) -> str:
    """Postgres writes whole numbers without a fraction; they are the same numbers."""
    return json.dumps(json.loads(json.dumps(results), parse_int=float))
