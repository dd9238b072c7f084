"""What a process remembers of a book it alone changes, and that nothing is decided by what is no longer so."""

from collections.abc import AsyncIterator

import pytest

from resolvers import turns
from server.app import App
from tests.canvas import PaintedBook, all_of, statuses, text, update, uuid
from tests.client import Client
from tests.operation.test_statements import paint
from tests.operation.test_statements import statements as heard


@pytest.fixture
async def dragged(book: PaintedBook) -> AsyncIterator[str]:
    """An element of a book that this process has changed twice, and nobody else meanwhile."""
    [id] = await book.create(text("dragged"))
    for x in (1, 2):
        assert statuses(await paint(book, update(id, x=x))) == ["APPLIED"]
    yield id


async def asked(app: App, book: PaintedBook, id: str, x: float) -> int:
    """How many statements it takes to put the element there."""
    with heard(app) as sent:
        assert statuses(await paint(book, update(id, x=x))) == ["APPLIED"]
    return len(sent)


async def test_what_one_process_alone_changes_is_written_without_being_read(
    app: App, book: PaintedBook, dragged: str
) -> None:
    before = (await book.read())["seq"]
    assert [await asked(app, book, dragged, x) for x in (3, 4, 5)] == [1, 1, 1]
    element = await book.element(dragged)
    assert (element["x"], element["seq"]) == (5, before + 3)
    events = await book.events(before)
    assert [(event["seq"], event["elements"][0]["x"]) for event in events] == [
        (before + 1, 3),
        (before + 2, 4),
        (before + 3, 5),
    ]


async def test_two_elements_are_remembered_side_by_side(app: App, book: PaintedBook, dragged: str) -> None:
    [other] = await book.create(text("another"))
    await asked(app, book, dragged, 3)
    await asked(app, book, other, 3)
    assert [await asked(app, book, id, x) for x in (4, 5) for id in (dragged, other)] == [1] * 4


async def test_a_change_from_elsewhere_is_seen_before_anything_is_decided(
    app: App, book: PaintedBook, elsewhere: PaintedBook, dragged: str
) -> None:
    assert statuses(await paint(elsewhere, update(dragged, x=7, y=7))) == ["APPLIED"]
    # What we remember says that it is at 2: there is something to do.
    assert statuses(await paint(book, update(dragged, x=2))) == ["APPLIED"]
    element = await book.element(dragged)
    assert (element["x"], element["y"]) == (2, 7)
    assert statuses(await paint(elsewhere, update(dragged, x=9))) == ["APPLIED"]
    # And here that there is nothing to do, where there is.
    assert statuses(await paint(book, update(dragged, x=2))) == ["APPLIED"]
    assert (await book.element(dragged))["x"] == 2


async def test_who_shares_a_book_with_another_process_reads_it_again_each_time(
    app: App, book: PaintedBook, elsewhere: PaintedBook, dragged: str
) -> None:
    await paint(elsewhere, update(dragged, y=1))
    # The write that finds another seq, and then a read and a write.
    assert await asked(app, book, dragged, 3) == 3
    for n in range(2, 5):
        await paint(elsewhere, update(dragged, y=n))
        assert await asked(app, book, dragged, n + 3) == 2
    # Left alone again, it is trusted after one more look.
    assert [await asked(app, book, dragged, x) for x in (10, 11, 12)] == [2, 1, 1]


async def test_who_was_removed_does_not_write_by_what_was_remembered_of_them(book: PaintedBook) -> None:
    editor = await book.joined("Ed", "EDITOR")
    [id] = await book.create(text())
    for x in (1, 2, 3):
        assert statuses(await book.do(update(id, x=x), by=editor)) == ["APPLIED"]
    removed = await book.owner.ask(
        "mutation($book: ID!, $user: ID!) { removeMember(bookId: $book, userId: $user) { userErrors { code } } }",
        book=book.id,
        user=editor.user_id,
    )
    assert removed.code is None, removed
    assert (await book.do(update(id, x=4), by=editor)).code == "NOT_FOUND"
    assert (await book.element(id))["x"] == 3


async def test_a_stranger_gains_nothing_by_what_is_remembered(book: PaintedBook, dragged: str) -> None:
    assert statuses(await paint(book, update(dragged, x=3))) == ["APPLIED"]
    stranger = await Client(book.owner.http, book.owner.url).sign_up("Nosy")
    assert (await book.do(update(dragged, x=4), by=stranger)).code == "NOT_FOUND"
    assert (await book.element(dragged))["x"] == 3


async def test_a_repeat_of_a_batch_gets_its_first_answer(book: PaintedBook, dragged: str) -> None:
    batch = uuid()
    first = await paint(book, update(dragged, x=3), batch=batch)
    await paint(book, update(dragged, x=4))
    async with book.unchanged():
        again = await paint(book, update(dragged, x=3), batch=batch)
    assert (again.it["seq"], statuses(again)) == (first.it["seq"], ["APPLIED"])
    async with book.unchanged():
        other = await paint(book, update(dragged, x=5), batch=batch)
    assert other.code == "CONFLICT"


async def test_what_is_refused_leaves_no_trace_in_what_is_remembered(app: App, book: PaintedBook, dragged: str) -> None:
    assert await asked(app, book, dragged, 3) == 1
    async with book.unchanged():
        refused = await paint(book, update(dragged, y=99), update(dragged, opacity=7))
        conflict = await paint(book, update(dragged, y=98, ifSeq=0))
        nothing = await paint(book, update(dragged, x=3))
    assert (refused.code, conflict.code, statuses(nothing)) == ("INVALID", "CONFLICT", ["NOOP"])
    assert await asked(app, book, dragged, 4) == 1
    told = [event["elements"][0] for event in await book.events((await book.read())["seq"] - 2)]
    assert [(element["x"], element["y"]) for element in told] == [(3, 0), (4, 0)]


async def test_what_a_page_took_with_it_is_not_remembered(book: PaintedBook, dragged: str) -> None:
    [page] = await book.create({"createPage": {}})
    [id] = await book.create(text(pageId=page))
    for x in (1, 2, 3):
        assert statuses(await paint(book, update(id, x=x))) == ["APPLIED"]
    assert statuses(await paint(book, {"deletePage": {"id": page}})) == ["APPLIED"]
    assert statuses(await paint(book, update(dragged, x=3))) == ["APPLIED"]
    assert statuses(await paint(book, update(id, x=4))) == ["GONE"]


async def test_it_is_read_again_after_a_while_and_takes_no_more_than_its_room(
    app: App, book: PaintedBook, dragged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await asked(app, book, dragged, 3) == 1
    with monkeypatch.context() as patch:
        patch.setattr(turns, "MEMORY", -1.0)
        assert await asked(app, book, dragged, 4) == 2
    assert await asked(app, book, dragged, 5) == 1
    monkeypatch.setattr(turns, "ROOM", 800)
    [other] = await book.create(text("another"))
    await asked(app, book, other, 1)
    # There is room for one of them.
    assert [await asked(app, book, id, x) for x in (6, 7) for id in (dragged, other)] == [2] * 4


async def test_many_at_once_are_each_written_once(app: App, book: PaintedBook, dragged: str) -> None:
    before = (await book.read())["seq"]
    with heard(app) as sent:
        answers = await all_of(*(paint(book, update(dragged, x=10 + n)) for n in range(12)))
    assert sorted(answer.it["seq"] for answer in answers) == [*range(before + 1, before + 13)]
    assert len(sent) == 12
