"""One question, one statement, whether it finds one row or five hundred."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from graphql import (
    GraphQLField,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
)
from sqlalchemy import event, select

from schema.plan.answer import Reading
from server.app import App
from tests.client import Client, placed
from tests.people import somebody, uuid_of
from tests.plan.conftest import Library
from tests.plan.ways import Ways, told

ROOTS = ("node", "nodes", "viewer", "book", "books")
MANY = 500
GROW = (
    "INSERT INTO books (id, title, visibility, seq, weight, epoch, created_at, updated_at)"
    " SELECT gen_random_uuid(), n::text, 'PRIVATE', n, 0, 'e', now(), now() FROM generate_series(1, $2) AS n, users"
    " WHERE users.id = $1 RETURNING id",
    "INSERT INTO members (id, book_id, user_id, role, owner_since, joined_at)"
    " SELECT gen_random_uuid(), books.id, $1, 'OWNER', now(), now() FROM books, (SELECT $2::bigint) AS n"
    " WHERE NOT EXISTS (SELECT FROM members WHERE book_id = books.id)",
    "INSERT INTO pages (id, book_id, order_key, created_at)"
    " SELECT gen_random_uuid(), book_id, 'a', now() FROM members, generate_series(1, least($2, 3)) WHERE user_id = $1",
    "INSERT INTO images (id, book_id, status, status_at, filename, content_type, size, sha256, created_at)"
    " SELECT gen_random_uuid(), book_id, 'READY', now(), 'f', 'image/png', 1, 'x', now()"
    " FROM (SELECT book_id FROM members WHERE user_id = $1 LIMIT 1) AS mine, generate_series(1, $2)",
    "INSERT INTO elements (id, book_id, page_id, kind, order_key, seq, x, y, width, height, scale_x, scale_y, angle,"
    " opacity, locked, created_at, updated_at, created_by, image_id, corner_radius, content, font_size, color, align,"
    " stroke_width, points)"
    " SELECT gen_random_uuid(), book_id, page, (ARRAY['IMAGE', 'TEXT', 'RECTANGLE', 'CIRCLE', 'DRAWING'])[n % 5 + 1],"
    " 'a', 0, 0, 0, 1, 1, 1, 1, 0, 1, false, now(), now(), $1, image, 1, '', 1, '#000000', 'LEFT', 1, '[]'"
    " FROM (SELECT images.book_id, min(images.id::text)::uuid AS image, min(pages.id::text)::uuid AS page"
    " FROM images JOIN pages USING (book_id) JOIN members USING (book_id) WHERE user_id = $1 GROUP BY 1) AS mine,"
    " generate_series(1, $2) AS n",
    "INSERT INTO invitations (id, book_id, email, role, invited_by, created_at, expires_at)"
    " SELECT gen_random_uuid(), book_id, n || '@example.org', 'EDITOR', $1, now(), now() + interval '1 day'"
    " FROM (SELECT book_id FROM images LIMIT 1) AS mine, generate_series(1, $2) AS n"
    " WHERE NOT EXISTS (SELECT FROM invitations WHERE email = n || '@example.org')",
    "INSERT INTO sessions (id, user_id, created_at, last_seen_at, expires_at)"
    " SELECT gen_random_uuid(), $1, now(), now(), now() + interval '1 day' FROM generate_series(1, $2)",
)


#: The statements of whoever asks; what the program looks after by itself is asked elsewhere.
_SENT: ContextVar[list[str]] = ContextVar("sent")


@contextmanager
def statements(app: App) -> Iterator[list[str]]:
    """The SQL that is sent for what is asked within, in this task."""
    mine: list[str] = []
    database = app.parts.database

    @contextmanager
    def observed(statement: str) -> Iterator[None]:
        _SENT.get([]).append(statement)
        yield

    def heard(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        _SENT.get([]).append(statement)

    token = _SENT.set(mine)
    event.listen(database.engine.sync_engine, "before_cursor_execute", heard)
    database.connections.observe = observed
    try:
        yield mine
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", heard)
        database.connections.observe = None
        _SENT.reset(token)


@dataclass(frozen=True)
class Owner:
    """Somebody with as many rows of each kind."""

    client: Client
    variables: dict[str, Any]


@pytest_asyncio.fixture(scope="module")
async def owners(library: Library) -> AsyncIterator[dict[int, Owner]]:
    owners = {}
    for count in (1, MANY):
        client = await somebody(library.app, library.nobody, f"Owner{count}")
        user_id = UUID(uuid_of(client.user_id))
        async with library.app.parts.database.connection() as connection:
            for statement in GROW:
                await connection.rows(statement, [user_id, count])
            [mine] = await connection.rows(
                "SELECT images.book_id, min(images.id::text) AS image, min(pages.id::text) AS page FROM images"
                " JOIN members USING (book_id) JOIN pages USING (book_id) WHERE user_id = $1 GROUP BY 1",
                [user_id],
            )
        ids = [f"bk_{mine['book_id']}", f"im_{mine['image']}", f"pg_{mine['page']}", client.user_id, "nonsense"]
        variables = {"book": ids[0], "page": ids[2], "ids": ids[1:] if count > 1 else ids[1:2]}
        owners[count] = Owner(client, variables)
    yield owners


def rich(schema: GraphQLSchema, type_: Any, depth: int, *, listed: bool = False) -> str:
    """All of a type, so far down; below a list, of the lists only those that have a first."""
    if is_abstract_type(type_):
        of_each = (
            f"... on {each} {rich(schema, each, depth, listed=listed)}" for each in schema.get_possible_types(type_)
        )
        return f"{{ __typename {' '.join(of_each)} }}"
    fields = (_asked(schema, name, each, depth, listed=listed) for name, each in type_.fields.items())
    return f"{{ __typename {' '.join(field for field in fields if field)} }}"


def _asked(schema: GraphQLSchema, name: str, field: GraphQLField, depth: int, *, listed: bool) -> str | None:
    inner, is_slice = get_named_type(field.type), name in ("edges", "nodes", "pageInfo", "points")
    # Its type is in its key, for types with fields of the same name to stand side by side.
    key = f"{name}_{str(field.type).translate(_LETTERS)}"
    values = {"first": 1 if listed else 100, "variant": "ORIGINAL", "id": "$page"}
    arguments = ", ".join(f"{each}: {values[each]}" for each in field.args if each in values)
    asked = f"{key}: {name}({arguments})" if arguments else f"{key}: {name}"
    if not is_composite_type(inner):
        return asked
    # Of most books the page is not one, which would be an error.
    if "id" in field.args and (listed or depth < 2):
        return None
    is_many = is_list_type(get_nullable_type(field.type))
    if not is_slice and (depth == 0 or (listed and is_many)):
        return None
    below = depth if is_slice or "first" in field.args else depth - 1
    return f"{asked} {rich(schema, inner, below, listed=listed or is_many)}"


_LETTERS = str.maketrans({"!": "1", "[": "_", "]": "_"})


def document(schema: GraphQLSchema, root: str) -> str:
    query = schema.query_type
    assert query
    field = query.fields[root]
    given = {"node": "(id: $book)", "nodes": "(ids: $ids)", "book": "(id: $book)", "books": "(first: 100)"}.get(
        root, ""
    )
    below = rich(schema, get_named_type(field.type), 1 if root in ("node", "nodes", "books") else 2)
    needed = {"book": "ID!", "page": "ID!", "ids": "[ID!]!"}
    used = ", ".join(f"${name}: {type_}" for name, type_ in needed.items() if f"${name}" in given + below)
    return f"query Rich{f'({used})' if used else ''} {{ {root}{given} {below} }}"


@pytest.mark.parametrize("root", ROOTS)
async def test_a_query_is_one_statement_for_one_row_and_for_many(
    library: Library, owners: dict[int, Owner], root: str
) -> None:
    ways = Ways.of(library.app)
    text = document(ways.direct.schema._schema, root)
    sizes = []
    for owner in owners.values():
        variables = {name: value for name, value in owner.variables.items() if f"${name}:" in text}
        for means in (ways.direct, ways.ordinary):
            with statements(library.app) as sent:
                answer = await told(means, text, variables, owner.client.token)
            assert (len(sent), answer["errors"]) == (1, []), sent
            sizes.append(str(answer["data"]).count("__typename"))
    # Both ways have seen the same, and the second owner has more.
    assert sizes[0] == sizes[1] and sizes[2] == sizes[3]
    assert sizes[2] > (2 * sizes[0] if root == "nodes" else 20 * sizes[0])
    assert ways.planner.whole_answers == 2


def test_what_is_counted_reaches_every_type_that_has_rows(library: Library) -> None:
    built = Ways.of(library.app).direct.schema._schema
    asked = " ".join(document(built, root) for root in ROOTS)
    for name in ("totalCount", "pageInfo", "edges", "url", "crop", "points", "device", "placementCount"):
        assert f"{name} " in asked or f"{name}(" in asked
    for type_ in built.get_possible_types(built.type_map["Node"]):  # type: ignore[arg-type]
        assert f"... on {type_}" in asked


@pytest.mark.parametrize("way", ["direct", "ordinary"])
async def test_several_root_fields_are_one_statement_together(
    library: Library, owners: dict[int, Owner], way: str
) -> None:
    text = (
        "query Q($book: ID!) { a: books { totalCount nodes { images { totalCount } } } viewer { id }"
        " b: book(id: $book) { title } c: node(id: $book) { id } d: books(trashed: true) { totalCount } }"
    )
    owner = owners[MANY]
    with statements(library.app) as sent:
        answer = await told(
            getattr(Ways.of(library.app), way), text, {"book": owner.variables["book"]}, owner.client.token
        )
    assert (len(sent), answer["errors"]) == (1, [])


async def test_what_is_not_there_is_one_statement_too(library: Library) -> None:
    ways = Ways.of(library.app)
    for means in (ways.direct, ways.ordinary):
        with statements(library.app) as sent:
            answer = await told(means, '{ book(id: "bk_nothing") { title } }', {}, library.shelves.tokens["owner"])
        assert len(sent) == 1
        assert [code for code, *_ in answer["errors"]] == ["NOT_FOUND"]


@pytest.mark.parametrize("asked", ["first: 101", "first: 0", 'after: "nonsense"'])
@pytest.mark.parametrize("below", ["totalCount", "__typename", "nodes { id }"])
async def test_what_cannot_be_asked_so_is_refused_whatever_is_asked_of_it(
    library: Library, asked: str, below: str
) -> None:
    ways, token = Ways.of(library.app), library.shelves.tokens["owner"]
    text = f"{{ viewer {{ id }} books({asked}) {{ {below} }} }}"
    for means in (ways.direct, ways.ordinary):
        with statements(library.app) as sent:
            answer = await told(means, text, {}, token)
        assert [(code, path) for code, path, _ in answer["errors"]] == [("BAD_USER_INPUT", ["books"])]
        [(_, viewer), books] = answer["data"]
        assert viewer and books == ("books", None)
        # That of the rest.
        assert len(sent) == 1


async def test_a_statement_more_is_counted(library: Library) -> None:
    """That the count can fail."""
    database = library.app.parts.database
    one = database.fetch_value

    async def twice(sql: str, arguments: Any = ()) -> Any:
        async with database.session() as session:
            await session.execute(select(1))
        return await one(sql, arguments)

    ways = Ways.of(library.app)
    with pytest.MonkeyPatch.context() as patch, statements(library.app) as sent:
        patch.setattr(database, "fetch_value", twice)
        await told(ways.direct, "{ viewer { id } }", {}, library.shelves.tokens["owner"])
    assert len(sent) == 2


MUTATIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "createBook": ("CreateBookInput", {"title": "New"}, "book { title owner { name } pages { book { title } } }"),
    "updateBook": ("UpdateBookInput", {"id": "$book", "title": "Newer"}, "book { title members { user { name } } }"),
    "inviteMember": (
        "InviteMemberInput",
        {"bookId": "$book", "email": "someone@example.org", "role": "VIEWER"},
        "invitation { email bookTitle book { title } invitedBy { name } }",
    ),
    "requestUploads": (
        "RequestUploadsInput",
        {"bookId": "$book", "files": [{"filename": "f", "contentType": "image/png", "size": 1, "sha256": "0" * 64}]},
        "tickets { image { filename book { title } } }",
    ),
    "applyOperations": (
        "ApplyOperationsInput",
        {
            "bookId": "$book",
            "batchId": "b",
            "operations": [{"createText": {"placement": placed(), "content": "Hi"}}, {"createPage": {}}],
        },
        "results { element { x ... on TextElement { content } book { title } } page { orderKey book { title } } }",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_mutation_reads_its_answer_by_one_statement_before_its_commit(
    library: Library, owners: dict[int, Owner], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, given, below = MUTATIONS[name]
    owner, database = owners[1], library.app.parts.database
    read = Reading.read
    transactions: list[Any] = []

    async def watched(reading: Reading, fetch: Any, rows: Any) -> None:
        async def counted(sql: str, values: Any) -> Any:
            [[transaction]] = await fetch("SELECT pg_current_xact_id_if_assigned()::text", [])
            transactions.append(transaction)
            return await fetch(sql, values)

        await read(reading, counted, rows)
        # Whoever asks once more is turned away.
        monkeypatch.setattr(database.connections, "take", _none_left)
        monkeypatch.setattr(database, "session", _none_left)

    monkeypatch.setattr(Reading, "read", watched)
    text = f"mutation M($input: {kind}!) {{ {name}(input: $input) {{ {below} userErrors {{ code }} }} }}"
    sent = {key: owner.variables["book"] if value == "$book" else value for key, value in given.items()}
    answer = await owner.client.ask(text, input=sent)
    assert not answer.errors and not answer.user_errors, answer
    assert answer.data and _nothing_is_null(answer.data), answer.data
    # One statement, in a transaction that has written and is not over.
    assert len(transactions) == 1 and transactions[0] is not None


def _none_left(*_: Any) -> Any:
    raise TimeoutError("No connection is free.")


def _nothing_is_null(value: Any) -> bool:
    if isinstance(value, dict):
        # A result is about an element or a page.
        return all(_nothing_is_null(each) for key, each in value.items() if key not in ("element", "page") or each)
    return all(map(_nothing_is_null, value)) if isinstance(value, list) else value is not None
