"""What a batch costs the database: a read at most and a write, however many its operations are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from server.app import App
from tests.canvas import CREATIONS, PaintedBook, delete, move, statuses, text, update, uuid
from tests.client import Answer, placed

#: Asks for no row, which would be read besides.
PAINT = (
    "mutation($input: ApplyOperationsInput!) { applyOperations(input: $input)"
    " { seq results { status } userErrors { code path } } }"
)


@contextmanager
def statements(app: App) -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    sent: list[str] = []

    def heard(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    @contextmanager
    def observed(statement: str) -> Iterator[None]:
        sent.append(statement)
        yield

    database = app.parts.database
    event.listen(database.engine.sync_engine, "before_cursor_execute", heard)
    database.connections.observe = observed
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", heard)
        database.connections.observe = None


async def paint(book: PaintedBook, *operations: dict[str, Any], batch: str | None = None) -> Answer:
    return await book.owner.ask(
        PAINT, input={"bookId": book.id, "batchId": batch or uuid(), "operations": [*operations]}
    )


async def test_a_batch_is_one_read_and_one_write_however_large_it_is(app: App, book: PaintedBook) -> None:
    photo = await book.photo()
    ids = await book.create(*[text()] * 100)
    pages = [f"pg_{uuid()}" for _ in range(100)]
    kinds = {**CREATIONS, "createImage": {"imageId": photo}}
    batches: dict[str, list[dict[str, Any]]] = {
        "one": [update(ids[0], x=7)],
        "create": [
            {verb: {"placement": placed(clientId=uuid(), pageId=book.page), **fields}}
            for verb, fields in [*kinds.items()] * 20
        ],
        "create on the first page": [text()] * 20,
        "update": [update(id, x=n) for n, id in enumerate(ids, 1)],
        "move": [move(id, to="BACK") for id in ids[1:]] + [move(ids[0], above=ids[50])],
        "pages": [{"createPage": {"clientId": id[3:], "afterPageId": None}} for id in pages],
        "to another page": [move(id, pageId=pages[0]) for id in ids],
        "delete": [delete(id) for id in ids[:50]],
        "delete pages": [{"deletePage": {"id": id}} for id in pages],
    }
    counts = {}
    for name, operations in batches.items():
        with statements(app) as sent:
            answer = await paint(book, *operations)
        assert set(statuses(answer)) == {"APPLIED"}, name
        counts[name] = len(sent)
    # What was deleted was touched just before, and is remembered.
    assert counts == {**dict.fromkeys(batches, 2), "delete": 1}


async def test_what_changes_nothing_costs_no_more(app: App, book: PaintedBook) -> None:
    [id] = await book.create(text())
    await paint(book, update(id, x=5), batch="b")
    for expected, operations, batch in (
        (2, [update(id, x=5)], None),  # nothing new: the answer is kept for a repeat
        (2, [update(id, x=5)], "b"),  # a repeat: what it was about is read as it is now
        (2, [update(id, x=6, ifSeq=0)], None),  # a conflict: likewise
        (1, [update(id, x=6), update(id, opacity=2)], None),
        (1, [update(f"el_{uuid()}", x=6)], None),
    ):
        async with book.unchanged():
            with statements(app) as sent:
                await paint(book, *operations, batch=batch)
            assert len(sent) == expected


async def test_more_is_read_where_an_operation_leads_to_what_none_speaks_of(app: App, book: PaintedBook) -> None:
    [second] = await book.create({"createPage": {}})
    # The first page goes, and what follows lies on the one that is now the first.
    with statements(app) as sent:
        done = await paint(book, {"deletePage": {"id": book.page}}, text("on the second"))
    assert (statuses(done), len(sent)) == (["APPLIED"] * 2, 3)
    assert len(await book.stack(second)) == 1
    made = uuid()
    with statements(app) as sent:
        done = await paint(book, text("lower", clientId=made), move(f"el_{made}", to="BACK"))
    assert (statuses(done), len(sent)) == (["APPLIED"] * 2, 3)
    assert (await book.stack(second))[0] == f"el_{made}"
