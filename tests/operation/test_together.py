"""Many at once: no change is lost, none comes twice, and all see the same in the end."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests import client as asks
from tests.canvas import POINTS, PaintedBook, all_of, delete, move, text, update, uuid
from tests.client import Answer, placed


async def test_twelve_writers_leave_no_hole_in_the_numbers(book: PaintedBook, elsewhere: PaintedBook) -> None:
    before = (await book.read())["seq"]
    async with book.owner.follow(asks.EVENTS, bookId=book.id, after=before) as events:

        async def writer(name: int) -> list[Answer]:
            at = (book, elsewhere)[name % 2]
            return [await at.do(text(f"{name}.{n}")) for n in range(4)]

        written = await asyncio.gather(*(writer(name) for name in range(12)))
        answers = [answer for each in written for answer in each]
        heard = await events.take(48)
    numbers = list(range(before + 1, before + 49))
    assert sorted(answer.it["seq"] for answer in answers) == numbers
    assert [event["seq"] for event in heard] == numbers
    by_seq = {answer.it["seq"]: answer.it["results"][0]["element"] for answer in answers}
    assert [event["elements"] for event in heard] == [[by_seq[seq]] for seq in numbers]
    assert len(set(await book.stack())) == 48


async def test_changes_of_two_fields_at_once_both_stand(book: PaintedBook, elsewhere: PaintedBook) -> None:
    [id] = await book.create(text())
    fields: list[dict[str, Any]] = [
        {"x": 1},
        {"y": 2},
        {"angle": 3},
        {"opacity": 0},
        {"content": "both"},
        {"color": "#ffffff"},
    ]
    updates = (at.do(update(id, **sent)) for at, sent in zip((book, elsewhere) * 3, fields, strict=True))
    await all_of(*updates, book.do(move(id, to="FRONT")))
    element = await book.element(id)
    for sent in fields:
        assert {**element, **sent} == element


async def test_of_two_that_know_the_same_only_one_may_change_it(book: PaintedBook, elsewhere: PaintedBook) -> None:
    [id] = await book.create(text())
    for turn in range(5):
        seen = (await book.element(id))["seq"]
        both = await all_of(
            *(at.do(update(id, x=10 * turn + n, ifSeq=seen)) for n, at in enumerate((book, elsewhere), 1))
        )
        [won] = [answer for answer in both if answer.code is None]
        [lost] = [answer for answer in both if answer.code == "CONFLICT"]
        now = won.it["results"][0]["element"]
        assert lost.data is not None and lost.data["applyOperations"]["conflicts"] == [now]
        assert await book.element(id) == now


async def test_two_books_that_take_the_same_client_ids_at_once(book: PaintedBook) -> None:
    theirs = await PaintedBook.made(book.owner, book.database)
    for _ in range(2):
        ids = [uuid() for _ in range(6)]
        pages = [{"createPage": {"clientId": id}} for id in ids]
        texts = [text(clientId=id) for id in ids]
        # In opposite orders, so that each can hold what the other waits for.
        both = await all_of(book.do(*pages, *texts), theirs.do(*reversed(texts), *reversed(pages)))
        assert sorted(answer.code or "" for answer in both) == ["", "TAKEN"]
        [lost] = [answer for answer in both if answer.code]
        assert lost.path[-1] == "clientId"
    assert len(await book.stack()) + len(await theirs.stack()) == 12


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_six_people_do_at_once_all_see_the_same(
    book: PaintedBook, elsewhere: PaintedBook, seed: int
) -> None:
    photos = [await book.photo() for _ in range(3)]
    story = Story((book, elsewhere), elements=[], pages=[book.page], photos=photos)
    start = State.of(await book.read())
    async with book.owner.follow(asks.EVENTS, bookId=book.id, after=start.seq) as events:
        await asyncio.gather(*(story.peer(seed * 6 + number, batches=10) for number in range(3)))
        late = State.of(await book.read())
        await asyncio.gather(*(story.peer(seed * 6 + number, batches=10) for number in range(3, 6)))
        end = State.of(await book.read())
        for event in await events.take(end.seq - start.seq):
            start.hear(event)
    assert start == end
    assert end.elements and set(story.codes) <= {None, "INVALID", "CONFLICT"} and None in story.codes
    for event in await book.events(late.seq):
        late.hear(event)
    assert late == end
    # In the order that their keys say, and every element on a page that is there.
    read = await book.read()
    assert [page["id"] for page in read["pages"]] == end.order(end.pages)
    for page in read["pages"]:
        on = {id: element for id, element in end.elements.items() if element["pageId"] == page["id"]}
        assert await book.stack(page["id"]) == end.order(on)
    assert {element["pageId"] for element in read["elements"]} <= set(end.pages)


@dataclass
class State:
    """A book as one who follows its events has it."""

    seq: int
    elements: dict[str, Any]
    pages: dict[str, Any]

    @classmethod
    def of(cls, read: dict[str, Any]) -> "State":
        elements, pages = ({thing["id"]: thing for thing in read[name]} for name in ("elements", "pages"))
        return cls(read["seq"], elements, pages)

    def hear(self, event: dict[str, Any]) -> None:
        assert event["seq"] == self.seq + 1
        self.seq = event["seq"]
        for things, told, gone in (
            (self.elements, "elements", "deletedElementIds"),
            (self.pages, "pages", "deletedPageIds"),
        ):
            things.update((thing["id"], thing) for thing in event[told])
            for id in event[gone]:
                things.pop(id, None)

    @staticmethod
    def order(things: dict[str, Any]) -> list[str]:
        return sorted(things, key=lambda id: (things[id]["orderKey"], id))


@dataclass
class Story:
    """What six people do, by chance, at two programs; they know of each other's things as soon as those are there."""

    books: tuple[PaintedBook, ...]
    elements: list[str]
    pages: list[str]
    photos: list[str]
    codes: list[str | None] = field(default_factory=list)

    async def peer(self, seed: int, batches: int) -> None:
        chance = random.Random(seed)
        for number in range(batches):
            operations = [self._operation(chance) for _ in range(6)]
            book = self.books[seed % len(self.books)]
            answer = await book.do(*operations, batch=f"{seed}/{number}")
            self.codes.append(answer.code)
            if answer.code is None:
                for result in answer.it["results"]:
                    self._learn(result["element"], self.elements)
                    self._learn(result["page"], self.pages)

    @staticmethod
    def _learn(thing: dict[str, Any] | None, known: list[str]) -> None:
        if thing and thing["id"] not in known:
            known.append(thing["id"])

    def _operation(self, chance: random.Random) -> dict[str, Any]:
        number = chance.randint(-9, 9)
        page = chance.choice(self.pages)
        placement = placed(number, width=chance.random(), pageId=page)
        new: list[dict[str, Any]] = [
            text(str(number), pageId=page),
            {"createImage": {"placement": placement, "imageId": chance.choice([None, *self.photos])}},
            {"createRectangle": {"placement": placement, "fill": chance.choice([None, "#000000"])}},
            {"createCircle": {"placement": placement, "strokeWidth": abs(number)}},
            {"createDrawing": {"placement": placement, "points": POINTS * abs(number or 1)}},
            {"createPage": {"name": str(number), "afterPageId": chance.choice([None, page])}},
        ]
        if not self.elements or chance.random() < 0.25:
            return chance.choice(new)
        id, other = chance.choice(self.elements), chance.choice(self.elements)
        known = {"ifSeq": 10_000 if chance.random() < 0.97 else 0}
        return chance.choice(
            [
                update(id, x=number, opacity=chance.random()),
                update(id, y=number, **known),
                update(id, locked=chance.random() < 0.5),
                move(id, to=chance.choice(["FRONT", "BACK", "FORWARD", "BACKWARD"]), **known),
                move(id, pageId=page),
                move(id, above=other) if chance.random() < 0.1 else move(id, to="BACK"),
                delete(id),
                {"updatePage": {"id": page, "afterPageId": None, "name": str(number)}},
                {"deletePage": {"id": page}} if chance.random() < 0.2 else update(id, angle=chance.random()),
            ]
        )
