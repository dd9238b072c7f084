"""The cost of an operation: what it can return, never less than what it does return, and refused in time."""

import json
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import OperationDefinitionNode, graphql_sync, parse, validate
from strawberry.schema import Schema

import schema as program
from models.refusal import BadUserInput
from server.explorer.examples import Example, examples
from server.graphql import Limits
from server.graphql.cost import Cost, Costs, Undeclared
from server.graphql.kept import keeping
from tests import client as asks
from tests import library
from tests.client import Client
from tests.library import ELEMENTS, NOTES, PAGES, RESULTS, TAGS, many
from tests.people import People
from tests.served import Served, serve
from tests.test_graphql_socket import talking

DOCUMENTATION = Path(__file__).parent.parent / "docs/documents.md"
SCHEMA = library.schema._schema
COSTS = Costs(SCHEMA, Limits().selections)


def costs_of(text: str, costs: Costs = COSTS) -> list[Cost]:
    document = parse(text)
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return [Cost(costs, document, operation) for operation in operations]


def cost_of(text: str, costs: Costs = COSTS) -> Cost:
    [only] = costs_of(text, costs)
    return only


def cost(text: str, **variables: Any) -> int:
    return cost_of(text).of(variables)


ON_KINDS = "... on Picture { image { id } } ... on Words { book { id } page { id } }"


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("{ __typename }", 0),
        ("{ __schema { types { name fields { name } } } }", 0),
        ("{ book { id } }", 1),
        ("{ a: book { id } b: book { id } }", 2),
        ("{ book { cover { book { cover { id } } } } }", 4),
        # Lists with a cap, which is one for all of a book ...
        ("{ book { pages { id } } }", 1 + PAGES),
        ("{ book { pages { elements { id } } } }", 1 + PAGES + ELEMENTS),
        ("{ book { elements { id } pages { elements { id } } } }", 1 + ELEMENTS + PAGES + ELEMENTS),
        # ... until a step to one row has every parent bring its own book.
        ("{ book { pages { book { id } } } }", 1 + 2 * PAGES),
        ("{ book { elements { book { elements { id } } } } }", 1 + ELEMENTS * (2 + ELEMENTS)),
        ("{ book { elements { page { elements { id } } } } }", 1 + ELEMENTS * (2 + ELEMENTS)),
        ("{ book { pages { elements { page { elements { id } } } } } }", 1 + PAGES + ELEMENTS * (2 + ELEMENTS)),
        ("{ books(first: 5) { nodes { elements { id } } } }", 5 * (1 + ELEMENTS)),
        ("{ book { images { nodes { book { pages { elements { id } } } } } } }", 1 + 20 * (2 + PAGES + ELEMENTS)),
        # Connections.
        ("{ books { nodes { id } } }", 20),
        ("{ books(first: 7) { nodes { id } } }", 7),
        ("{ books(first: null) { nodes { id } } }", 20),
        ("{ books(first: 101) { nodes { id } } }", 100),
        ("{ books(first: 0) { nodes { id } } }", 1),
        ("{ books(first: -9) { nodes { id } } }", 1),
        ("{ books(first: 7) { edges { node { id } } } }", 7),
        ("{ books(first: 7) { edges { cursor } } }", 7),
        ("{ books(first: 7) { edges { node { id } other: node { id } } } }", 14),
        ("{ books(first: 7) { edges { node { cover { id } } } nodes { id } } }", 7 * 2 + 7),
        ("{ books(first: 7) { pageInfo { hasNextPage } totalCount } }", 7),
        ("{ books(first: 7) { nodes { images(first: 3) { nodes { book { id } } } } } }", 7 * (1 + 3 * 2)),
        # What is selected twice under one key is there once.
        ("{ book { pages { id } } book { pages { book { id } } } }", 1 + 2 * PAGES),
        ("{ book { ...F ...F pages { id } } } fragment F on Book { pages { id } }", 1 + PAGES),
        ("{ book { ...F ...G } } fragment F on Book { cover { id } } fragment G on Book { cover { book { id } } }", 3),
        # A row is of one kind.
        ("{ book { elements { id " + ON_KINDS + " } } }", 1 + ELEMENTS * 3),
        ("{ book { elements { page { id } " + ON_KINDS + " } } }", 1 + ELEMENTS * 3),
        ("{ found { ... on Book { pages { id } } ... on Image { book { id } } } }", 1 + PAGES),
        ("{ found { ... on Image { book { id } } } }", 2),
        ("{ node { ... on Picture { tags { id } } ... on Words { notes { id } } } }", 1 + NOTES),
        # But the rows of one book can be of all kinds.
        ("{ book { elements { tags { id } ... on Words { notes { id } } } } }", 1 + ELEMENTS + TAGS + NOTES),
        (
            "{ book { elements { ... on Picture { tags { id } } ... on Words { notes { id } } } } }",
            1 + ELEMENTS + TAGS + NOTES,
        ),
        # What is no row itself.
        ("{ book { elements { ... on Picture { crops { x } } } } }", 1 + ELEMENTS),
        ("mutation { apply { results { element { id } page { elements { id } } } } }", RESULTS * (2 + ELEMENTS)),
        ("subscription { events { seq } }", 0),
        (
            "subscription { events { ... on Painted { elements { id } } ... on Covered { book { id } } } }",
            ELEMENTS,
        ),
        # As many as are asked for.
        ('{ nodes(ids: ["a", "b"]) { id } }', 2),
        ("{ nodes(ids: [" + '"a" ' * 11 + "]) { id } }", 10),
        # Directives.
        ("{ book { pages @skip(if: true) { id } } }", 1),
        ("{ book { pages @include(if: false) { id } pages { book { id } } } }", 1 + 2 * PAGES),
        ("{ book { ... @include(if: true) { pages { id } } ... @skip(if: true) { cover { id } } } }", 1 + PAGES),
    ],
)  # fmt: skip
def test_what_an_operation_can_return(text: str, objects: int) -> None:
    assert validate(SCHEMA, parse(text)) == []
    measured = cost_of(text)
    assert (measured.of({}), measured.constant) == (objects, objects)


@pytest.mark.parametrize(
    ("variables", "objects"),
    [
        ({"first": 3}, 3),
        ({"first": 3.0}, 3),
        ({}, 5),
        ({"first": None}, 20),
        ({"first": 1000}, 100),
        ({"first": -1}, 1),
        ({"first": "3"}, 100),
        ({"first": True}, 100),
        ({"first": {}}, 100),
        ({"first": 3, "more": True}, 3 * 2),
        ({"first": 3, "less": True}, 0),
        ({"first": 3, "more": "yes"}, 3 * 2),
        ({"first": 3, "less": "yes"}, 3),
    ],
)
def test_the_cost_follows_the_variables(variables: dict[str, Any], objects: int) -> None:
    text = """
      query ($first: Int = 5, $more: Boolean = false, $less: Boolean = false) {
        books(first: $first) @skip(if: $less) { nodes { id cover @include(if: $more) { id } } }
      }
    """
    assert cost(text, **variables) == objects
    measured = cost_of(text)
    assert [measured.of(variables) for _ in range(2)] == [objects, objects]
    assert measured.constant is None


def test_the_length_of_a_list_in_the_variables_counts() -> None:
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Book { pages { id } } } }"
    assert cost(text, ids=["a", "b"]) == 2 * (1 + PAGES)
    assert cost(text, ids=["a"] * 50) == 10 * (1 + PAGES)
    assert cost(text, ids=[]) == 0
    assert cost(text) == 10 * (1 + PAGES)


def test_each_answer_to_the_directives_is_remembered_and_no_more_than_some() -> None:
    names = [f"a{number}" for number in range(6)]
    fields = " ".join(f"{name}: cover @include(if: ${name}) {{ id }}" for name in names)
    measured = cost_of(f"query ({' '.join(f'${name}: Boolean!' for name in names)}) {{ book {{ {fields} }} }}")
    for number in range(64):
        chosen = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        assert measured.of(chosen) == 1 + number.bit_count()
    assert len(measured._readings) == 16


class Draw:
    """Random operations that ask for `__typename` everywhere, so that what comes back can be counted."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def operation(self) -> str:
        return self._fields("Query", 5)

    def _fields(self, kind: str, depth: int) -> str:
        wanted = [self._field(kind, name, depth) for name in self._some(list(KINDS[kind]))] if depth else []
        if kind == "Element" and depth and self._random.random() < 0.25:
            wanted += [f"... on {one} {self._fields(one, depth - 1)}" for one in self._some(["Picture", "Words"])]
        return "{ __typename " + " ".join(wanted) + " }"

    def _field(self, kind: str, name: str, depth: int) -> str:
        # Under one of two keys, so that some are merged and some are not.
        first = self._random.randint(1, 2)
        if KINDS[kind][name].endswith("Connection"):
            head = f"{name}{first}: {name}(first: {first})"
        else:
            head = name if first == 1 else f"other_{name}: {name}"
        return f"{head} {self._fields(KINDS[kind][name], depth - 1)}"

    def _some(self, names: list[str]) -> list[str]:
        return [self._random.choice(names) for _ in range(self._random.choice([1, 1, 2, 3]))]


KINDS = {
    "Query": {"book": "Book", "books": "BookConnection"},
    "Book": {"cover": "Image", "pages": "Page", "elements": "Element", "images": "ImageConnection"},
    "Page": {"book": "Book", "elements": "Element"},
    "Element": {"book": "Book", "page": "Page", "tags": "Tag"},
    "Picture": {"book": "Book", "page": "Page", "tags": "Tag", "image": "Image"},
    "Words": {"book": "Book", "page": "Page", "tags": "Tag", "notes": "Tag"},
    "Image": {"book": "Book"},
    "Tag": {"book": "Book"},
    "BookConnection": {"nodes": "Book", "edges": "BookEdge"},
    "ImageConnection": {"nodes": "Image", "edges": "ImageEdge"},
    "BookEdge": {"node": "Book"},
    "ImageEdge": {"node": "Image"},
}


def returned(answer: Any) -> int:
    """The objects with an id in an answer, however deep."""
    if isinstance(answer, list):
        return sum(map(returned, answer))
    if not isinstance(answer, dict):
        return 0
    return (answer["__typename"] in COUNTED) + sum(map(returned, answer.values()))


COUNTED = {"Book", "Page", "Picture", "Words", "Image", "Tag"}


def test_no_answer_holds_more_than_its_operation_costs() -> None:
    exact = 0
    for seed in range(300):
        text = Draw(seed).operation()
        answer = graphql_sync(SCHEMA, text)
        assert answer.errors is None, (seed, answer.errors)
        found, most = returned(answer.data), cost(text)
        assert found <= most, (seed, text)
        exact += found == most
    # Nor is it told too high, but where kinds are mixed or no row of a connection is shown.
    assert exact > 75


def doubling(levels: int, *fields: str) -> str:
    """Fragments that each spread the next one below several fields."""
    fragments = [
        f"fragment F{level} on Image {{ book {{ {' '.join(f'{name} {{ ...F{level + 1} }}' for name in fields)} }} }}"
        for level in range(levels)
    ]
    return " ".join([*fragments, f"fragment F{levels} on Image {{ id }}", "{ book { cover { ...F0 } } }"])


def test_fragments_are_looked_at_once_however_often_they_are_spread() -> None:
    # As a tree it would never end.
    costs = Costs(SCHEMA, 6 * 60 + 6)
    images, books = 2**61 - 1, 2**60 - 1
    assert cost_of(doubling(60, "a: cover", "b: cover"), costs).of({}) == 1 + images + books


def test_what_takes_too_long_to_be_known_is_refused() -> None:
    text = doubling(3, "a: cover", "b: cover")
    measured = cost_of(text, Costs(SCHEMA, 8))
    with pytest.raises(BadUserInput, match="spreads its fragments too often"):
        measured.of({})
    with pytest.raises(BadUserInput):
        measured.of({})


@strawberry.type
class Shelf(library.Node):
    books: list[library.Book]


@strawberry.type
class Chest:
    shelves: list[Shelf] = many(3, once_a="town")
    nested: list[list[Shelf]] = many(3)
    unasked: library.BookConnection
    said: list[Shelf] = many(0)
    values: list[library.Crop]


@strawberry.type
class Undeclaring:
    chest: Chest


def test_a_list_that_does_not_say_how_long_it_can_be_is_a_mistake_of_ours() -> None:
    with pytest.raises(Undeclared) as undeclared:
        keeping(Schema(Undeclaring), Limits(), introspection=True)
    told = str(undeclared.value).removeprefix("How long can these lists be? ").split(", ")
    for name in ("Shelf.books", "Chest.shelves", "Chest.nested", "Chest.unasked"):
        assert name in told
        told.remove(name)
    assert [name for name in told if name.startswith(("Chest", "Shelf"))] == []


def is_document(text: object) -> bool:
    return isinstance(text, str) and re.match(r"\s*(query|mutation|subscription|\{)", text) is not None


REAL = Costs(program.build()._schema, Limits().selections)
EXAMPLE = re.search(r"    (query Cover.*?\n    })", DOCUMENTATION.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        (asks.BOOK, 1 + 1_000 + 10_000 * 4 + 200 * 2),
        (asks.APPLY, 500 * 5 + 500 * 4),
        (asks.EVENTS, 1 + 500 * 4 + 500),
        ("query ($id: ID!) { book(id: $id) { pages { elements { id } } } }", 11_001),
        ("query ($id: ID!) { book(id: $id) { elements { page { id } } } }", 20_001),
        ("query ($id: ID!) { book(id: $id) { elements { page { elements { id } } } } }", 100_020_001),
        ("query ($id: ID!) { book(id: $id) { elements { ... on DrawingElement { points { x } } } } }", 10_001),
        ("{ books { nodes { memberCount cover { url } } } }", 40),
        ('{ nodes(ids: ["a", "b"]) { id } }', 2),
        (EXAMPLE[1] if EXAMPLE else "", 11_432),
    ],
)
def test_what_an_operation_of_the_program_can_return(text: str, objects: int) -> None:
    assert validate(REAL.schema, parse(text)) == []
    assert cost_of(text, REAL).of({"first": 30}) == objects


@pytest.mark.parametrize("text", [text for text in vars(asks).values() if is_document(text)])
def test_what_clients_ask_can_be_afforded(text: str) -> None:
    """The whole book of the contract is among it."""
    assert cost_of(text, REAL).of({}) <= Limits().cost


@pytest.mark.parametrize(
    "example",
    [pytest.param(one, id=one.name) for one in examples()],
)
def test_what_the_explorer_shows_can_be_afforded(example: Example) -> None:
    given = json.loads(example.variables or "{}")
    assert [cost.of(given) for cost in costs_of(example.query, REAL) if cost.of(given) > Limits().cost] == []


async def test_the_program_refuses_what_costs_too_much(client: Client) -> None:
    answer = await client.ask('{ book(id: "x") { elements { page { elements { id } } } } }')
    assert (answer.data, answer.code) == (None, "TOO_COSTLY")
    assert answer.errors[0]["extensions"] == {"code": "TOO_COSTLY", "cost": 100_020_001, "limit": 50_000}


async def test_the_program_tells_what_an_answer_costs(people: People) -> None:
    async def told(person: Client, text: str, **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {person.token}"} if person.token else {}
        body = {"query": text, "variables": variables}
        return (await person.http.post(f"{person.url}/graphql", json=body, headers=headers)).json()

    text = "query ($id: ID!) { book(id: $id) { id members { email } } }"
    seen = await told(people.owner, text, id=people.book_id)
    assert seen == asks.answered(seen["data"], 201) and len(seen["data"]["book"]["members"]) == 4
    unseen = await told(people.nobody, text, id=people.book_id)
    assert unseen == {"errors": unseen["errors"], **asks.answered({"book": None}, 201)}
    book = {"id": people.book_id, "title": "Up the hill"}
    changed = await told(people.owner, asks.UPDATE_BOOK, input=book)
    assert changed == asks.answered({"updateBook": {"book": book, "seq": await people.seq(), "userErrors": []}}, 1)


COSTLY = {
    "query": "{ book { elements { page { elements { id } } } } }",
    "mutation": "mutation { apply { results { page { elements { id } } } } }",
    "subscription": "subscription { events { ... on Painted { elements { page { elements { id } } } } } }",
}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve(Limits(cost=60), schema=library.schema) as served:
        yield served


def refused(objects: int) -> dict[str, Any]:
    return {
        "message": f"This could return {objects} objects, and at most 60 are answered. Ask for less, with `first`.",
        "extensions": {"code": "TOO_COSTLY", "cost": objects, "limit": 60},
    }


@pytest.mark.parametrize("kind", ["query", "mutation"])
async def test_what_costs_too_much_is_refused_over_http_before_anything_is_done(served: Served, kind: str) -> None:
    answer = await served.http.post("/graphql", json={"query": COSTLY[kind]})
    assert (answer.status_code, answer.json()) == (200, {"errors": [refused(cost(COSTLY[kind]))]})
    accept = {"accept": "application/graphql-response+json"}
    answer = await served.http.post("/graphql", json={"query": COSTLY[kind]}, headers=accept)
    assert (answer.status_code, answer.json()) == (400, {"errors": [refused(cost(COSTLY[kind]))]})
    assert (served.story.notes, served.story.entrances) == ([], [])
    assert [operation.code for operation in served.story.operations] == ["TOO_COSTLY"] * 2


@pytest.mark.parametrize("kind", ["query", "mutation", "subscription"])
async def test_what_costs_too_much_is_refused_over_a_websocket_before_anything_is_done(
    served: Served, kind: str
) -> None:
    async with talking(served) as client:
        before = len(served.story.entrances)
        await client.subscribe("a", COSTLY[kind])
        assert await client.hear() == {"id": "a", "type": "error", "payload": [refused(cost(COSTLY[kind]))]}
        assert (served.story.notes, len(served.story.entrances)) == ([], before)
        await client.subscribe("a", "{ book { id } }")
        payload = (await client.hear())["payload"]
        assert payload == asks.answered({"book": {"id": "book"}}, 1)


async def test_what_costs_as_much_as_may_be_is_answered(served: Served) -> None:
    text = "query ($first: Int) { books(first: $first) { nodes { cover { id } } } }"
    assert len((await served.ask(text, first=30))["data"]["books"]["nodes"]) == 30
    assert await served.ask(text, first=31) == {"errors": [refused(62)]}
