"""What a batch costs the database: a number of statements that does not grow with its operations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from server.app import App
from tests.canvas import CREATIONS, PaintedBook, delete, move, statuses, text, update, uuid
from tests.client import placed


@contextmanager
def statements(app: App) -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    sent: list[str] = []

    def heard(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = app.parts.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", heard)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", heard)


async def test_a_large_batch_costs_no_more_statements_than_a_small_one(app: App, book: PaintedBook) -> None:
    photo = await book.photo()
    ids = await book.create(*[text()] * 100)
    pages = [f"pg_{uuid()}" for _ in range(100)]
    kinds = {**CREATIONS, "createImage": {"imageId": photo}}
    batches: dict[str, list[dict[str, Any]]] = {
        "create": [
            {verb: {"placement": placed(clientId=uuid(), pageId=book.page), **fields}}
            for verb, fields in [*kinds.items()] * 20
        ],
        "update": [update(id, x=n) for n, id in enumerate(ids, 1)],
        "move": [move(id, to="BACK") for id in ids[1:]] + [move(ids[0], above=ids[50])],
        "pages": [{"createPage": {"clientId": id[3:], "afterPageId": None}} for id in pages],
        "delete": [delete(id) for id in ids],
    }
    counts = {}
    for name, operations in batches.items():
        with statements(app) as sent:
            answer = await book.owner.ask(
                "mutation($input: ApplyOperationsInput!) { applyOperations(input: $input)"
                " { results { status } userErrors { code } } }",
                input={"bookId": book.id, "batchId": name, "operations": operations},
            )
        assert set(statuses(answer)) == {"APPLIED"}
        counts[name] = len(sent)
    assert max(counts.values()) <= 12, counts
