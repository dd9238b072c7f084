"""What stays of elements that went, and what they weighed."""

from tests.canvas import PaintedBook, delete, move, statuses, text, update, uuid
from tests.client import placed


async def test_what_a_batch_did_to_an_element_before_it_went_stays_with_its_grave(book: PaintedBook) -> None:
    kept, swept, other = await book.create(text(), text(), {"createPage": {}})
    made = uuid()
    done = await book.do(
        update(kept, x=5, content="kept"),
        move(kept, pageId=other),
        move(swept, pageId=other),
        text("made", clientId=made, pageId=other),
        {"deletePage": {"id": other}},
    )
    assert statuses(done) == ["APPLIED"] * 5
    rows = await book.database.fetch(
        "SELECT id, x, content, page_id, seq, updated_by FROM elements WHERE deleted_at IS NOT NULL"
    )
    graves = {f"el_{row['id']}": row for row in rows}
    assert set(graves) == {kept, swept, f"el_{made}"}
    assert (graves[kept]["x"], graves[kept]["content"]) == (5, "kept")
    assert {f"pg_{row['page_id']}" for row in rows} == {other}
    assert {row["seq"] for row in rows} == {done.it["seq"]}
    assert {f"us_{row['updated_by']}" for row in rows} == {book.owner.user_id}
    assert await book.database.fetchval("SELECT weight FROM books") == 0


async def test_a_page_takes_the_weight_of_all_that_is_on_it_along(book: PaintedBook) -> None:
    points = [{"x": 1, "y": 2}] * 7
    [other] = await book.create({"createPage": {}})
    await book.create(text("stays"))
    before = await book.database.fetchval("SELECT weight FROM books")
    on_it = placed(pageId=other)
    await book.create(
        text("\U0001f3a8 ü", pageId=other),
        {"createDrawing": {"placement": on_it, "points": points}},
        {"createImage": {"placement": on_it}},
    )
    assert await book.database.fetchval("SELECT weight FROM books") > before
    assert statuses(await book.do({"deletePage": {"id": other}})) == ["APPLIED"]
    assert await book.database.fetchval("SELECT weight FROM books") == before


async def test_what_left_a_page_before_it_went_stays(book: PaintedBook) -> None:
    [other] = await book.create({"createPage": {}})
    leaves, goes = await book.create(text(pageId=other), text(pageId=other))
    done = await book.do(move(leaves, pageId=book.page), {"deletePage": {"id": other}})
    assert statuses(done) == ["APPLIED"] * 2
    assert await book.stack() == [leaves]
    [event] = await book.events(done.it["seq"] - 1)
    assert (event["deletedElementIds"], [element["id"] for element in event["elements"]]) == ([goes], [leaves])


async def test_among_what_is_left_nothing_counts_that_went(book: PaintedBook) -> None:
    low, middle, high = await book.create(text(), text(), text())
    # Two steps up would be one too few if the one that went were still in between.
    done = await book.do(delete(middle), move(low, to="FORWARD"), move(low, to="FORWARD"))
    assert statuses(done) == ["APPLIED", "APPLIED", "NOOP"]
    assert await book.stack() == [high, low]
