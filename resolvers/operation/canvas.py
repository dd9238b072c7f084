"""A canvas while a batch is applied to it: what was touched, and in which order it lies."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from models import Book, Element, Page
from models.book import ELEMENTS_LIMIT, PAGES_LIMIT
from models.operation import Operation
from models.order import between
from models.refusal import Conflict, LimitReached
from resolvers.operation.known import Known
from resolvers.operation.outcome import Clash
from resolvers.operation.stack import Stack
from resolvers.work import Work


@dataclass
class Canvas:
    """The rows of one book that a batch touches; the book is locked, so that nobody else moves them."""

    work: Work
    book: Book
    known: Known
    changed: dict[UUID, Element] = field(default_factory=dict)
    removed: dict[UUID, Element] = field(default_factory=dict)
    changed_pages: dict[UUID, Page] = field(default_factory=dict)
    removed_pages: dict[UUID, Page] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)
    #: By how many bytes the book has grown, or shrunk.
    growth: int = 0
    #: By page; the pages' own is under the book.
    _stacks: dict[UUID, Stack] = field(default_factory=dict)
    _tops: dict[UUID, str | None] = field(default_factory=dict)
    _counts: dict[type, int] = field(default_factory=dict)
    _first_page: Page | None = None

    @property
    def has_changed(self) -> bool:
        return bool(self.changed or self.removed or self.changed_pages or self.removed_pages)

    async def first_page(self) -> Page:
        if self.book.id in self._stacks:
            [self._first_page] = await self.known.rows(Page, [self._stacks[self.book.id].first])
        elif self._first_page is None:
            in_order = select(Page).where(Page.of(self.book.id)).order_by(col(Page.order_key), col(Page.id))
            self._first_page = (await self.work.session.scalars(in_order.limit(1))).one()
        return self._first_page

    async def add(self, row: Element | Page, *path: str) -> None:
        """Puts a new row into the book. Raises LimitReached."""
        model = type(row)
        most = ELEMENTS_LIMIT if isinstance(row, Element) else PAGES_LIMIT
        if model not in self._counts:
            rows = select(func.count()).select_from(model).where(model.of(self.book.id))
            self._counts[model] = await self.work.session.scalar(rows) or 0
        if self._counts[model] >= most:
            raise LimitReached(f"A book has at most {most:,} {model.__name__.lower()}s.", *path)
        self._counts[model] += 1
        if isinstance(row, Element):
            self.growth += row.weight
        self.known.add(row)
        self.work.session.add(row)
        self.touch(row)

    def touch(self, row: Element | Page) -> None:
        """Has the event tell of the row."""
        if isinstance(row, Element):
            self.changed[row.id] = row
        else:
            self.changed_pages[row.id] = row

    def remove(self, row: Element | Page) -> None:
        """Takes the row out of the book; it stays as a grave, so that its id is never given again."""
        row.deleted_at = self.work.now
        if isinstance(row, Element):
            self.changed.pop(row.id, None)
            self.removed[row.id] = row
            self.growth -= row.weight
            self._leave(row.page_id, row.id)
        else:
            self.changed_pages.pop(row.id, None)
            self.removed_pages[row.id] = row
            self._leave(self.book.id, row.id)
        if type(row) in self._counts:
            self._counts[type(row)] -= 1

    def agree(self, element: Element, operation: Operation) -> bool:
        """Whether the element is still as the client knew it; if not, the batch is a conflict."""
        seen = operation.given.get("if_seq")
        if seen is None or element.seq <= seen:
            return True
        refusal = Conflict("Someone else changed this element first.", *operation.path("if_seq"))
        self.clashes.append(Clash(element, refusal))
        return False

    async def elements_on(self, page_id: UUID) -> Stack:
        return await self._stack(page_id, Element, Element.on(page_id))

    async def pages(self) -> Stack:
        return await self._stack(self.book.id, Page, Page.of(self.book.id))

    async def put(self, row: Element | Page, stack: Stack, index: int) -> bool:
        """Puts the row there among the others of the stack; whether that changes anything."""
        keys = stack.put(row.id, index)
        for moved in await self.known.rows(type(row), keys):
            moved.order_key = keys[moved.id]
            self.touch(moved)
        return bool(keys)

    async def put_on_top(self, element: Element) -> None:
        """Puts a new element above all others of its page."""
        page_id = element.page_id
        if page_id in self._stacks:
            element.order_key = self._stacks[page_id].push(element.id)
            return
        # Not by the stack, which may have thousands where the highest key is enough.
        if page_id not in self._tops:
            highest = select(func.max(Element.order_key)).where(Element.on(page_id))
            self._tops[page_id] = await self.work.session.scalar(highest)
        element.order_key = self._tops[page_id] = between(self._tops[page_id], None)

    def turn(self, element: Element, page_id: UUID) -> None:
        """Takes the element to another page; its place there is still to be given."""
        self._leave(element.page_id, element.id)
        element.page_id = page_id

    def _leave(self, stack: UUID, id: UUID) -> None:
        if stack in self._stacks:
            self._stacks[stack].take(id)

    async def _stack(self, id: UUID, model: Any, of: Any) -> Stack:
        if id not in self._stacks:
            places = await self.work.session.execute(select(col(model.order_key), col(model.id)).where(of))
            self._stacks[id] = Stack((key, id) for key, id in places)
        return self._stacks[id]
