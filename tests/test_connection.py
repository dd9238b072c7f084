"""Lists that can grow: read slice by slice, also while they change."""

from base64 import urlsafe_b64encode
from typing import Any
from uuid import uuid4

import orjson

from tests.client import Client
from tests.people import People, made_book

BOOKS = """
query Books($first: Int, $after: String) {
  books(first: $first, after: $after) {
    nodes { id title }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
IMAGES = """
query Images($id: ID!, $first: Int, $after: String) {
  book(id: $id) {
    images(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } totalCount }
  }
}
"""
RENAME = """
mutation Rename($input: UpdateBookInput!) { updateBook(input: $input) { seq userErrors { code path } } }
"""


def crafted(*parts: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(parts)).decode()


async def walk(person: Client, first: int) -> list[str]:
    """Every book's id, slice by slice."""
    ids: list[str] = []
    after: str | None = None
    while True:
        books = (await person.ask(BOOKS, first=first, after=after)).it
        ids += [node["id"] for node in books["nodes"]]
        if not books["pageInfo"]["hasNextPage"]:
            return ids
        after = books["pageInfo"]["endCursor"]


async def test_a_list_is_walked_slice_by_slice_without_loss_or_repetition(people: People) -> None:
    made = [await made_book(people.invited, f"Book {number}") for number in range(23)]
    newest_first = made[::-1]
    for first in (1, 4, 22, 23, 100):
        assert await walk(people.invited, first) == newest_first
    # Twenty unless said.
    for default in ({}, {"first": None, "after": None}):
        books = (await people.invited.ask(BOOKS, **default)).it
        assert [node["id"] for node in books["nodes"]] == newest_first[:20]
        assert books["totalCount"] == 23
        cursors = [edge["cursor"] for edge in books["edges"]]
        assert [edge["node"]["id"] for edge in books["edges"]] == newest_first[:20]
        assert books["pageInfo"] == {
            "hasNextPage": True,
            "hasPreviousPage": False,
            "startCursor": cursors[0],
            "endCursor": cursors[-1],
        }
    rest = (await people.invited.ask(BOOKS, after=cursors[-1])).it
    assert [node["id"] for node in rest["nodes"]] == newest_first[20:]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert rest["totalCount"] == 23
    end = (await people.invited.ask(BOOKS, after=rest["pageInfo"]["endCursor"])).it
    assert (end["nodes"], end["pageInfo"]["hasNextPage"], end["pageInfo"]["endCursor"]) == ([], False, None)


async def test_books_that_change_meanwhile_push_no_other_out_of_a_walk(people: People) -> None:
    made = [await made_book(people.invited, f"Book {number}") for number in range(9)]
    newest_first = made[::-1]
    ids: list[str] = []
    after: str | None = None
    for slice_ in range(3):
        books = (await people.invited.ask(BOOKS, first=3, after=after)).it
        ids += [node["id"] for node in books["nodes"]]
        after = books["pageInfo"]["endCursor"]
        # One that was read comes to the front again, and a new one before it.
        changed = {"id": books["nodes"][-1]["id"], "title": f"Changed {slice_}"}
        assert (await people.invited.ask(RENAME, input=changed)).code is None
        await made_book(people.invited, f"New {slice_}")
    assert ids == newest_first
    assert (await people.invited.ask(BOOKS)).it["nodes"][1]["id"] == newest_first[-1]


async def test_books_of_one_moment_are_told_apart(people: People) -> None:
    made = {await made_book(people.invited, f"Book {number}") for number in range(7)}
    await people.sql(
        "UPDATE books SET updated_at = '2026-01-01 00:00:00.000001Z' WHERE id = ANY($1)", [id[3:] for id in made]
    )
    assert await walk(people.invited, 2) == sorted(made, reverse=True)


async def test_a_slice_has_1_to_100_rows(people: People) -> None:
    for first in (0, -1, 101, 2**31 - 1, -(2**31)):
        refused = await people.owner.ask(BOOKS, first=first)
        assert (refused.code, refused.data) == ("BAD_USER_INPUT", {"books": None})
        refused = await people.owner.ask(IMAGES, id=people.book_id, first=first)
        assert (refused.code, refused.data) == ("BAD_USER_INPUT", {"book": None})
    assert (await people.owner.ask(BOOKS, first=100)).it["totalCount"] == 1


async def test_a_cursor_that_was_not_made_here_is_refused(people: People) -> None:
    moment, id = "2026-01-01T00:00:00+00:00", str(uuid4())
    good = (await people.owner.ask(BOOKS)).it["pageInfo"]["endCursor"]
    wrong = [
        "",
        "nonsense",
        "YXJyYXljb25uZWN0aW9uOjA=",
        "\U0001f4d6",
        "====",
        good[:-4],
        "A" * 100_000,
        urlsafe_b64encode(b"[" * 150).decode(),
        urlsafe_b64encode(b"\xff\xfe").decode(),
        *(urlsafe_b64encode(orjson.dumps(value)).decode() for value in (None, 1, "text", {}, {"a": 1, "b": 2})),
        crafted(),
        crafted(moment),
        crafted(moment, id, id),
        crafted(id, moment),
        crafted(moment, None),
        crafted(None, id),
        crafted(1, 2),
        crafted([moment], [id]),
        crafted(moment, "' OR 1=1 --"),
        crafted("2026-01-01T00:00:00", id),
        crafted("0001-01-01T00:00:00+23:59", id),
        crafted("9999-12-31T23:59:59-23:59", id),
    ]
    for cursor in wrong:
        refused = await people.owner.ask(BOOKS, after=cursor)
        assert (refused.code, refused.data) == ("BAD_USER_INPUT", {"books": None}), cursor[:80]
    for cursor in (good, *wrong[:-2]):
        refused = await people.owner.ask(IMAGES, id=people.book_id, after=cursor)
        assert refused.code == "BAD_USER_INPUT", cursor[:80]
    # One that names a moment or a book that never was is a place in the order all the same.
    earlier, later = crafted("0001-01-01T00:00:00+00:00", id), crafted("9999-12-31T23:59:59.999999Z", id)
    assert (await people.owner.ask(BOOKS, after=earlier)).it["nodes"] == []
    assert len((await people.owner.ask(BOOKS, after=later)).it["nodes"]) == 1


async def test_a_cursor_shows_nothing_of_others(people: People) -> None:
    mine = (await people.owner.ask(BOOKS)).it
    theirs = crafted("9999-12-31T00:00:00+00:00", str(uuid4()))
    assert [node["id"] for node in (await people.stranger.ask(BOOKS, after=theirs)).it["nodes"]] != [people.book_id]
    assert (await people.stranger.ask(BOOKS, first=100)).it["totalCount"] == 1
    assert mine["totalCount"] == 1


async def test_photos_are_walked_newest_first(people: People) -> None:
    made = [await people.image(of=people.editor) for _ in range(7)]
    added = 0
    ids: list[str] = []
    after: str | None = None
    while True:
        images = (await people.viewer.ask(IMAGES, id=people.book_id, first=3, after=after)).it["images"]
        ids += [node["id"] for node in images["nodes"]]
        assert images["totalCount"] == 7 + added
        if not images["pageInfo"]["hasNextPage"]:
            break
        after = images["pageInfo"]["endCursor"]
        # One that is added meanwhile stands before them all.
        await people.image(of=people.editor)
        added += 1
    assert ids == sorted(made, reverse=True)
