"""What happens between a batch's read and its write, and what is read with it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from models.columns import now
from models.id import inside
from models.operation import Operation
from resolvers import operation, turns
from resolvers.context import Context, Viewer
from resolvers.operation.reading import read
from server.app import App
from tests.canvas import PaintedBook, all_of, move, statuses, text, update, uuid
from tests.client import Answer, placed
from tests.operation.test_statements import paint
from tests.operation.test_statements import statements as heard


def between_read_and_write(monkeypatch: pytest.MonkeyPatch, interrupt: Callable[[], Any]) -> None:
    """Has something else happen once a batch has read, once."""
    interrupts = [interrupt]

    async def interrupted(*args: Any, **options: Any) -> Any:
        reading = await read(*args, **options)
        while interrupts:
            await interrupts.pop()()
        return reading

    monkeypatch.setattr(operation, "read", interrupted)


async def test_a_book_that_moved_between_read_and_write_is_locked_and_read_again(
    app: App, book: PaintedBook, elsewhere: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await book.create(text(), text())
    before = (await book.read())["seq"]
    between_read_and_write(monkeypatch, lambda: paint(elsewhere, move(other, to="BACK"), update(one, x=1, y=1)))
    with heard(app) as sent:
        done = await paint(book, update(one, x=2), move(one, to="BACK"))
    assert (statuses(done), done.it["seq"]) == (["APPLIED"] * 2, before + 2)
    # Read, not written, locked, read, written.
    assert len(sent) == 5
    assert len([statement for statement in sent if "FOR UPDATE" in statement]) == 1
    element = await book.element(one)
    assert (element["x"], element["y"], await book.stack()) == (2, 1, [one, other])
    assert [event["seq"] for event in await book.events(before)] == [before + 1, before + 2]


async def test_those_of_one_process_take_turns_and_none_reads_in_vain(app: App, book: PaintedBook) -> None:
    ids = await book.create(*[text()] * 12)
    with heard(app) as sent:
        answers = await all_of(*(paint(book, update(id, x=n + 1)) for n, id in enumerate(ids)))
    seqs = sorted(answer.it["seq"] for answer in answers)
    # The first of them reads that nobody else has changed the book since they were made.
    assert (seqs, len(sent)) == (list(range(seqs[0], seqs[0] + 12)), 13)


async def test_who_waits_too_long_for_a_turn_is_refused_and_has_changed_nothing(
    book: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    [id] = await book.create(text())
    late: list[Answer] = []

    async def ask() -> None:
        late.append(await paint(book, update(id, x=1)))

    monkeypatch.setattr(turns, "TURN_TIMEOUT", 0.05)
    between_read_and_write(monkeypatch, ask)
    assert statuses(await paint(book, update(id, y=2))) == ["APPLIED"]
    assert [answer.code for answer in late] == ["UNAVAILABLE"]
    element = await book.element(id)
    assert (element["x"], element["y"]) == (0, 2)
    assert statuses(await paint(book, update(id, x=1))) == ["APPLIED"]


async def test_who_was_removed_between_read_and_write_does_not_write(
    book: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = await book.joined("Ed", "EDITOR")
    [id] = await book.create(text())

    async def remove() -> None:
        answer = await book.owner.ask(
            "mutation($book: ID!, $user: ID!) { removeMember(bookId: $book, userId: $user) { userErrors { code } } }",
            book=book.id,
            user=editor.user_id,
        )
        assert answer.code is None, answer

    between_read_and_write(monkeypatch, remove)
    refused = await book.do(update(id, x=9), by=editor)
    assert refused.code == "NOT_FOUND"
    assert (await book.element(id))["x"] == 0


async def test_a_photo_that_went_between_read_and_write_is_not_placed(
    book: PaintedBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = await book.photo()
    [slot] = await book.create({"createImage": {"placement": placed()}})

    async def purge() -> None:
        await book.database.execute("DELETE FROM images WHERE id = $1", photo.removeprefix("im_"))

    between_read_and_write(monkeypatch, purge)
    async with book.unchanged():
        refused = await paint(book, update(slot, imageId=photo))
    assert (refused.code, refused.path[3:]) == ("NOT_FOUND", ["updateElement", "imageId"])


async def test_an_edit_leaves_alone_what_it_does_not_name(book: PaintedBook, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = await book.photo()
    [placed_one] = await book.create({"createImage": {"placement": placed(), "imageId": photo}})

    async def purge() -> None:
        # What the database does by itself, without a new seq.
        await book.database.execute("DELETE FROM images WHERE id = $1", photo.removeprefix("im_"))

    between_read_and_write(monkeypatch, purge)
    assert statuses(await paint(book, update(placed_one, x=3))) == ["APPLIED"]
    element = await book.element(placed_one)
    assert (element["x"], element["imageId"]) == (3, None)


class Shown:
    """An answer that asks for rows, and keeps what it sees of them."""

    asks = True
    is_own = False
    is_known = False

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    async def read(self, fetch: Any, rows: Mapping[str, Any]) -> None:
        for table, kind in (("elements", "el"), ("pages", "pg")):
            found = await fetch(
                f"SELECT id, xmin = pg_current_xact_id()::xid AS ours FROM {table} WHERE id = ANY ($1)", [[*rows[kind]]]
            )
            self.seen += [(kind, row["id"], row["ours"]) for row in found]

    def told(self, rows: Any, after: int) -> tuple[str, list[Any]]:
        raise AssertionError("more is asked for than is in the rows")

    def know(self, rows: Any) -> None:
        raise AssertionError("nothing is to be known")

    def take(self, found: Any) -> None:
        raise AssertionError("nothing is to be taken")

    async def tell(self, fetch: Any, rows: Any) -> list[Any]:
        raise AssertionError("nothing is told of here")


async def test_what_is_to_be_shown_is_read_in_the_same_transaction(app: App, book: PaintedBook) -> None:
    shown = Shown()
    viewer = Viewer(inside("us", book.owner.user_id), inside("us", book.owner.user_id), now())  # type: ignore[arg-type]
    context = Context(app.parts, viewer)
    context.answer = shown
    made, page, gone = uuid(), uuid(), uuid()
    operations = [
        Operation(0, "createText", {"placement": {**placed(), "client_id": made}, "content": "a"}),
        Operation(1, "createPage", {"client_id": page}),
        Operation(2, "createText", {"placement": {**placed(), "client_id": gone}, "content": "b"}),
        Operation(3, "deleteElement", {"id": f"el_{gone}"}),
    ]
    applied = await operation.apply(context, book_id=inside("bk", book.id), batch_id="b", operations=operations)
    assert [outcome.status for outcome in applied.results] == ["APPLIED"] * 4
    assert {(kind, str(id), ours) for kind, id, ours in shown.seen} == {("el", made, True), ("pg", page, True)}
    assert len(await book.stack()) == 1
