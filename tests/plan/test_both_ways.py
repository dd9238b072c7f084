"""Both ways of finishing an answer mean the same, whatever is asked, and whoever asks."""

import os
from collections.abc import Callable
from random import SystemRandom
from typing import Any

import pytest

from schema.plan.selection import Selections
from schema.plan.writer import Writer
from tests.plan.conftest import Library
from tests.plan.drawing import Draw, Drawn
from tests.plan.ways import Ways

#: Operations in one run, each asked by four.
DRAWN = 300
#: Operations within which a planted difference shows.
SOON = 80
#: Draws the operation of one seed alone.
SEED = "PLAN_SEED"
PEOPLE = ("owner", "viewer", "stranger", "nobody")
CURSORS = """
query Cursors($ids: [ID!]!) {
  books(first: 100) { edges { cursor } }
  trash: books(first: 100, trashed: true) { edges { cursor } }
  users(first: 100) { edges { cursor } }
  nodes(ids: $ids) { ... on Book { images(first: 100) { edges { cursor } } } }
}
"""


async def cursors_of(library: Library) -> list[str]:
    """Those of every list that has some."""
    read = await library.client("owner").ask(CURSORS, ids=library.shelves.ids["bk"])
    assert read.data
    roots = [read.data[name] for name in ("books", "trash", "users")]
    lists = [*roots, *(book["images"] for book in read.data["nodes"] if book)]
    return [edge["cursor"] for each in lists for edge in each["edges"]]


class Drawing:
    """Draws operations, and asks each both ways for everybody."""

    def __init__(self, library: Library, cursors: list[str]) -> None:
        self.ways = Ways.of(library.app)
        self._shelves = library.shelves
        self._cursors = cursors

    def draw(self, seed: int) -> Drawn:
        return Draw(self.ways.direct.schema._schema, seed, self._shelves.ids, self._cursors).drawn()

    async def difference(self, seed: int) -> str | None:
        """Between the two answers of the operation that is drawn with this seed; or a mistake of ours in both."""
        drawn = self.draw(seed)
        for person in PEOPLE:
            one, other = await self.ways.both(drawn.text, drawn.variables, self._shelves.tokens[person])
            if one != other or any(code == "INTERNAL" for code, *_ in one["errors"]):
                return (
                    f"{SEED}={seed}, asked by {person}:\n{drawn.text}\n{drawn.variables}\n\n"
                    f"by Postgres: {one}\n\nby graphql-core: {other}"
                )
        return None


@pytest.fixture
async def drawing(library: Library) -> Drawing:
    return Drawing(library, await cursors_of(library))


@pytest.mark.timeout(600)  # A machine that others use as well may take two minutes.
async def test_the_answer_that_postgres_makes_is_the_one_of_graphql_core(drawing: Drawing) -> None:
    first = int(os.environ.get(SEED) or SystemRandom().randrange(10**9))
    count = 1 if os.environ.get(SEED) else DRAWN
    print(f"seeds {first} to {first + count - 1}")
    found = [difference for seed in range(first, first + count) if (difference := await drawing.difference(seed))]
    assert not found, f"{len(found)} differ\n" + "\n\n".join(found[:3])
    # Else both would have gone the same way.
    assert count == 1 or drawing.ways.planner.whole_answers > count * len(PEOPLE) / 2


def _first_of_merged(writer: Writer, type_: Any, sets: Any) -> Any:
    return {key: nodes[:1] for key, nodes in writer._selections.fields(type_, sets).items()}


def _other_order(writer: Writer, type_: Any, sets: Any) -> Any:
    return dict(reversed(writer._selections.fields(type_, sets).items()))


def _with(name: str, planted: Callable[..., bool]) -> Callable[..., Any]:
    def fields(writer: Writer, type_: Any, sets: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Selections, name, planted)
            return writer._selections.fields(type_, sets)

    return fields


def _by_hand(writer: Writer, definition: Any, nodes: Any, place: Any) -> Any:
    name = nodes[0].name.value
    if name in ("title", "name", "filename"):
        return ['"', getattr(place.row, name), '"']
    return _VALUE(writer, definition, nodes, place)


_VALUE = Writer.value
#: Of the whole way alone: a method of the writer, and what is done in its place.
PLANTED: dict[str, tuple[str, Callable[..., Any]]] = {
    "texts are quoted by hand": ("value", _by_hand),
    "merged selections are lost": ("fields", _first_of_merged),
    "keys come in another order": ("fields", _other_order),
    "interfaces are no types": ("fields", _with("_applies", lambda _, condition, type_: condition == type_.name)),
    "directives are not heard": ("fields", _with("_is_included", lambda _, directives: True)),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_a_planted_difference_is_seen(library: Library, what: str) -> None:
    name, plant = PLANTED[what]
    whole = getattr(Writer, name)
    cursors = await cursors_of(library)
    planted, clean = Drawing(library, cursors), Drawing(library, cursors)

    def either(writer: Writer, *given: Any) -> Any:
        return whole(writer, *given) if writer.tagged else plant(writer, *given)

    for seed in range(SOON):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Writer, name, either)
            try:
                found = await planted.difference(seed)
            except ValueError as broken:
                # Not even JSON.
                found = str(broken)
        if found:
            assert await clean.difference(seed) is None
            return
    pytest.fail("nobody has noticed")
