"""Plans: which there are, what they are run with, and what becomes of what is not there."""

import json
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from graphql import OperationDefinitionNode, parse
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

import schema
from models.book import ELEMENTS_LIMIT
from models.image import Image
from schema.plan import late
from schema.plan.plan import Kept, Plans
from schema.plan.planner import Planned, Planner
from tests.people import made_book, uuid_of
from tests.plan.conftest import Library
from tests.plan.drawing import Draw
from tests.plan.shelves import TEXTS
from tests.plan.ways import Ways

SCHEMA = schema.build()._schema
BOOK = "query Book($id: ID!) { book(id: $id) { title pages { name elements { __typename id } } } }"


def planned(text: str) -> Planned:
    document = parse(text)
    [operation] = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return Planner(SCHEMA).planned(document, operation)


def same(text: str, *sent: dict[str, Any]) -> bool:
    """Whether one plan answers all of these."""
    operation = planned(text)
    return len({id(operation.plan(operation.variables(each))) for each in sent}) == 1


def test_only_what_a_plan_looks_at_chooses_between_plans() -> None:
    images = 'query Q($v: {}) {{ book(id: "x") {{ images({}: $v) {{ totalCount }} }} }}'
    numbers = images.format("Int", "first")
    assert same(numbers, {"v": 1}, {"v": 2}, {"v": 100})
    assert same(numbers, {}, {"v": None})
    assert not same(numbers, {}, {"v": 1})
    assert same(images.format("String", "after"), {"v": "a"}, {"v": "b"})
    assert not same(images.format("String", "after"), {"v": "a"}, {"v": None})
    assert not same(images.format("Boolean", "trashed"), {"v": True}, {"v": False})
    assert not same(images.format("ImageUploaderFilter", "uploader"), {"v": "ANYONE"}, {"v": "VIEWER"})
    assert same("query Q($v: ID!) { node(id: $v) { id } }", {"v": "a"}, {"v": "b"})
    assert same("query Q($v: [ID!]!) { nodes(ids: $v) { id } }", {"v": []}, {"v": ["a", "b"]}, {"v": "c"})


def test_an_operation_keeps_a_bounded_number_of_plans() -> None:
    names = [f"v{number}" for number in range(6)]
    fields = " ".join(f"{name}: __typename @include(if: ${name})" for name in names)
    document = parse(f"query Q({' '.join(f'${name}: Boolean!' for name in names)}) {{ viewer {{ id {fields} }} }}")
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    kept = Kept(20)
    plans = [Plans(SCHEMA, document, operation, kept) for _ in range(2)]
    choices = [{name: bool(number >> place & 1) for place, name in enumerate(names)} for number in range(64)]
    made = [plans[number % 2].of(choice) for number, choice in enumerate(choices)]
    assert (len({*map(id, made)}), len(kept)) == (64, 20)
    # Those that were asked for last are there, whichever operation's they are.
    assert [plans[number % 2].of(choices[number]) for number in range(44, 64)] == made[44:]
    assert plans[1].of(choices[43]) is not made[43]
    assert (len(kept), sum(len(each._by_choice) for each in plans)) == (20, 20)
    # The one that had to go is the one of the longest silence.
    assert plans[0].of(choices[44]) is not made[44]
    assert plans[0].of(choices[46]) is made[46]


def test_nothing_that_a_client_sends_stands_in_the_statement() -> None:
    chance = Random(11)
    for seed in range(40):
        words = [f"x{chance.getrandbits(60):x}" for _ in range(8)]
        # As ids and cursors, in literals and variables; and where they would end a string.
        sent = [*words, *(f"{word}' OR 1=1 --" for word in words[:2])]
        drawn = Draw(SCHEMA, seed, dict.fromkeys(("bk", "el", "pg", "us"), sent), sent).drawn()
        operation = planned(drawn.text)
        plan = operation.plan(operation.variables(drawn.variables))
        for statement in (plan.whole, plan.parts):
            if statement is not None:
                assert not any(word in statement.sql for word in words), (seed, drawn)
                assert "OR 1=1" not in statement.sql


async def test_one_plan_serves_every_viewer_with_their_own_rows(library: Library) -> None:
    planner = library.app.endpoint.means.planner
    used: list[Any] = []

    async def watched(plan: Any, *given: Any) -> Any:
        used.append(plan.whole)
        return await Planner.whole(planner, plan, *given)

    book = f"bk_{library.shelves.books['public'].id}"
    document = "query Mine($id: ID!) { viewer { id } book(id: $id) { viewerRole memberCount } }"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "whole", watched)
        told = {name: (await library.client(name).ask(document, id=book)).data for name in ("viewer", "stranger")}
        told["nobody"] = (await library.nobody.ask(document, id=book)).data
    users = library.shelves.users
    assert told == {
        "viewer": {"viewer": {"id": f"vw_{users['viewer'].id}"}, "book": {"viewerRole": "EDITOR", "memberCount": 2}},
        "stranger": {"viewer": {"id": f"vw_{users['stranger'].id}"}, "book": {"viewerRole": None, "memberCount": 0}},
        "nobody": {"viewer": None, "book": {"viewerRole": None, "memberCount": 0}},
    }
    assert len(used) == 3 and used[0] is used[1] is used[2]


URLS = "query Urls($id: ID!) { node(id: $id) { ... on Image { url a: url(variant: ORIGINAL) } } }"


async def test_an_address_is_made_once_in_its_time_and_anew_after_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, objects = library.client("owner"), library.app.parts.objects
    [id, *_] = [
        f"im_{row.id}"
        for row in library.shelves.rows
        if isinstance(row, Image) and row.status == "READY" and not row.deleted_at
    ]
    made: list[str] = []
    url = objects.url

    def watched(key: str, **more: Any) -> str:
        made.append(key)
        return url(key, **more)

    monkeypatch.setattr(objects, "url", watched)
    library.app.endpoint.means.planner.late._kept.clear()
    first = (await owner.ask(URLS, id=id)).it
    assert (await owner.ask(URLS, id=id)).it == first
    assert first["url"] != first["a"]
    assert len(made) == 2

    from models.columns import now as at

    later = at() + timedelta(days=1)
    monkeypatch.setattr("resolvers.context.now", lambda: later)
    second = (await owner.ask(URLS, id=id)).it
    assert {first["url"], first["a"]}.isdisjoint(second.values())
    assert len(made) == 4


async def test_addresses_that_are_kept_are_bounded(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "KEPT", 3)
    kept = library.app.endpoint.means.planner.late._kept
    kept.clear()
    book = f"bk_{library.shelves.books['rich'].id}"
    read = await library.client("owner").ask(
        "query Q($id: ID!) { book(id: $id) { images(first: 100) { nodes { url } } } }", id=book
    )
    assert len([image for image in read.it["images"]["nodes"] if image["url"]]) > 3
    assert len(kept) == 3


FORGED = [*TEXTS, "\x01!\x01", '\x010["x","image/png","f"]\x01', '\x01?0\x01"', "\\\x01\\", "\\ud800", "\x1f\x01\x02"]


async def test_what_people_write_comes_back_exactly_and_marks_nothing(library: Library) -> None:
    owner = library.client("owner")
    book = await made_book(owner, "Marks")
    [page] = (await owner.ask(BOOK, id=book)).it["pages"]
    assert page["elements"] == []
    book_id = UUID(uuid_of(book))
    async with library.app.parts.database.connection() as connection:
        page_id = await connection.value("SELECT id FROM pages WHERE book_id = $1", [book_id])
        for text in FORGED:
            await connection.rows(
                "UPDATE books SET title = $2, description = $2 WHERE id = $1", [UUID(uuid_of(book)), text]
            )
            await connection.rows("UPDATE pages SET name = $2 WHERE id = $1", [page_id, text])
            await connection.rows("DELETE FROM images WHERE book_id = $1", [book_id])
            await connection.rows(
                "INSERT INTO images (id, book_id, status, status_at, filename, content_type, size, sha256, created_at,"
                " thumbhash) VALUES ($1, $2, 'READY', now(), $3, 'image/jpeg', 1, 'x', now(), $3)",
                [uuid4(), book_id, text],
            )
            read = await owner.ask(
                "query Q($id: ID!) { book(id: $id) {"
                " title description pages { name } images { nodes { filename thumbhash url } } } }",
                id=book,
            )
            [image] = read.it["images"]["nodes"]
            assert [read.it["title"], read.it["description"], read.it["pages"][0]["name"]] == [text] * 3
            assert (image["filename"], image["thumbhash"]) == (text, text)
            assert image["url"].startswith("http")


PAGES = """
query Pages($ids: [ID!]!, $page: ID!) {
  nodes(ids: $ids) { ... on Book { id page(id: $page) { id } } }
  again: nodes(ids: $ids) { __typename }
}
"""


async def test_what_is_missing_within_a_list_is_told_with_its_path(library: Library) -> None:
    owner, books = library.client("owner"), library.shelves.books
    ids = [f"bk_{books[name].id}" for name in ("bare", "foreign", "rich")]
    read = await owner.ask("query Q($id: ID!) { book(id: $id) { pages { id } } }", id=ids[0])
    page_id = read.it["pages"][0]["id"]
    answer = await owner.ask(PAGES, ids=ids, page=page_id)
    assert answer.data == {
        "nodes": [{"id": ids[0], "page": {"id": page_id}}, None, {"id": ids[2], "page": None}],
        "again": [{"__typename": "Book"}, None, {"__typename": "Book"}],
    }
    [error] = answer.errors
    assert (error["extensions"]["code"], error["path"]) == ("NOT_FOUND", ["nodes", 2, "page"])


NULLS = {
    "a choice with a default": (
        "query Q($v: ImageVariant = PREVIEW, $id: ID!) { node(id: $id) { id ... on Image { url(variant: $v) } } }"
    ),
    "an id": 'query Q($v: ID = "x", $id: ID!) { node(id: $id) { id } book(id: $v) { id } }',
    "one of several ids": 'query Q($v: ID = "x", $id: ID!) { node(id: $id) { id } nodes(ids: [$id, $v]) { id } }',
    "a directive": "query Q($v: Boolean = true, $id: ID!) { viewer { id @include(if: $v) } node(id: $id) { id } }",
}


@pytest.mark.parametrize("what", NULLS)
async def test_a_null_for_what_cannot_be_null_is_refused_and_the_rest_is_answered(library: Library, what: str) -> None:
    owner = library.client("owner")
    [image, *_] = [f"im_{row.id}" for row in library.shelves.rows if isinstance(row, Image) and not row.deleted_at]
    good = await owner.ask(NULLS[what], id=image)
    assert good.data and good.data["node"]["id"] == image
    answer = await owner.ask(NULLS[what], id=image, v=None)
    assert [error["extensions"]["code"] for error in answer.errors] == ["BAD_USER_INPUT"]
    assert "null" in answer.errors[0]["message"] or "invalid value" in answer.errors[0]["message"]
    if answer.data:
        assert answer.data["node"]["id"] == image


async def test_a_change_that_cannot_be_shown_as_asked_is_not_made(library: Library) -> None:
    owner = library.client("owner")
    book = await made_book(owner, "As it was")
    update = (
        'mutation M($id: ID!, $v: ID = "x", $first: Int) { updateBook(input: {id: $id, title: "Changed"})'
        " { book { title page(id: $v) { id } images(first: $first) { totalCount } } userErrors { code } } }"
    )
    for sent in ({"v": None}, {"first": 101}):
        assert (await owner.ask(update, id=book, **sent)).code == "BAD_USER_INPUT"
        assert (await owner.ask(BOOK, id=book)).it["title"] == "As it was"


async def test_a_row_that_has_to_be_there_and_is_not_is_our_mistake(library: Library) -> None:
    owner = library.client("owner")
    book = await made_book(owner, "Hollow")
    document = "query Q($id: ID!) { node(id: $id) { ... on Book { title owner { name } } } __typename }"
    whole = "query Q($id: ID!) { book(id: $id) { title owner { name } } }"
    # Nobody owns it any more.
    async with library.app.parts.database.connection() as connection:
        await connection.rows("UPDATE members SET role = 'EDITOR' WHERE book_id = $1", [UUID(uuid_of(book))])
    for text, root in ((document, "node"), (whole, "book")):
        answer = await owner.ask(text, id=book)
        [error] = answer.errors
        assert (error["extensions"]["code"], error["path"]) == ("INTERNAL", [root, "owner"])
        assert error["message"] == "Something went wrong on our side."
        assert answer.data and answer.data[root] is None


async def test_a_value_that_has_to_be_there_and_is_not_is_our_mistake(library: Library) -> None:
    owner = library.client("owner")
    book = await made_book(owner, "Holes")
    async with library.app.parts.database.connection() as connection:
        page = await connection.value("SELECT id FROM pages WHERE book_id = $1", [UUID(uuid_of(book))])
        await connection.rows(
            "INSERT INTO elements (id, book_id, page_id, kind, order_key, seq, x, y, width, height, scale_x, scale_y,"
            " angle, opacity, locked, created_at, updated_at)"
            " VALUES ($1, $2, $3, 'TEXT', 'a', 0, 0, 0, 1, 1, 1, 1, 0, 1, false, now(), now())",
            [uuid4(), UUID(uuid_of(book)), page],
        )
    for field in ("content", "fontSize", "color", "align"):
        text = f"query Q($id: ID!) {{ book(id: $id) {{ elements {{ ... on TextElement {{ {field} }} }} }} }}"
        answer = await owner.ask(text, id=book)
        [error] = answer.errors
        assert (error["extensions"]["code"], error["path"]) == ("INTERNAL", ["book", "elements", 0, field])


async def test_ten_thousand_rows_are_one_answer_in_their_order(library: Library) -> None:
    owner = library.client("owner")
    book = await made_book(owner, "Full")
    async with library.app.parts.database.connection() as connection:
        await connection.rows(
            "INSERT INTO elements (id, book_id, page_id, kind, order_key, seq, x, y, width, height, scale_x, scale_y,"
            " angle, opacity, locked, created_at, updated_at, stroke_width)"
            " SELECT gen_random_uuid(), $1, pages.id, 'CIRCLE', lpad(n::text, 6, '0'), n, n, 0, 1, 1, 1, 1, 0, 1,"
            " false, now(), now(), 1 FROM generate_series(1, $2::int) AS n, pages WHERE pages.book_id = $1",
            [UUID(uuid_of(book)), ELEMENTS_LIMIT],
        )
    for text in ("elements { seq x }", "pages { elements { seq x } }"):
        read = (await owner.ask(f"query Q($id: ID!) {{ book(id: $id) {{ {text} }} }}", id=book)).it
        elements = read["elements"] if "elements" in read else read["pages"][0]["elements"]
        assert elements == [{"seq": n, "x": n} for n in range(1, ELEMENTS_LIMIT + 1)]


async def test_an_object_may_have_more_members_than_a_function_has_arguments(library: Library) -> None:
    names = ["title", "description", "seq", "epoch", "createdAt", "viewerRole", "elementCount"]
    fields = [(f"f{number}", names[number % len(names)]) for number in range(250)]
    text = f"query Q($id: ID!) {{ book(id: $id) {{ {' '.join(f'{key}: {name}' for key, name in fields)} }} }}"
    id = f"bk_{library.shelves.books['rich'].id}"
    one, other = await Ways.of(library.app).both(text, {"id": id}, library.shelves.tokens["owner"])
    assert one == other
    assert [key for key, _ in dict(one["data"])["book"]] == [key for key, _ in fields]


async def test_a_document_is_answered_alike_over_both_transports(library: Library) -> None:
    owner = library.client("owner")
    variables = {"id": f"bk_{library.shelves.books['rich'].id}"}
    response = await owner.http.post(
        f"{owner.url}/graphql",
        json={"query": BOOK, "variables": variables},
        headers={"authorization": f"Bearer {owner.token}"},
    )
    address = f"{owner.url}/graphql".replace("http://", "ws://")
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], max_size=None) as socket:
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {owner.token}"}})
        )
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        payload = {"query": BOOK, "variables": variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        heard = json.loads(await socket.recv(), object_pairs_hook=list)
    assert ("type", "next") in heard
    assert dict(heard)["payload"] == json.loads(response.text, object_pairs_hook=list)
    assert "errors" not in response.json()
