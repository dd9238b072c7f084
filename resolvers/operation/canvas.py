"""A canvas while a batch is applied to it: what was touched, and in which order it lies."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from models.book import ELEMENTS_LIMIT, PAGES_LIMIT
from models.operation import Operation
from models.order import between
from models.refusal import Conflict, LimitReached
from resolvers.operation.known import Known
from resolvers.operation.needs import Needs
from resolvers.operation.outcome import Clash
from resolvers.operation.reading import Reading
from resolvers.operation.row import ElementRow, PageRow, Row
from resolvers.operation.stack import Stack


class Unread(Exception):
    """More is needed than was foreseen, and the needs say it now: read anew, and decide anew."""


class Canvas:
    """The rows of one book that a batch touches, as they were at one moment, and what the batch makes of them."""

    def __init__(self, reading: Reading, needs: Needs, *, actor_id: str, at: datetime) -> None:
        self.reading = reading
        self.needs = needs
        self.book_id = reading.book_id
        self.actor_id = actor_id
        self.at = at
        self.now = at.isoformat()
        self.known = Known(reading)
        #: What the event tells of, by id.
        self.changed: dict[str, ElementRow] = {}
        self.removed: dict[str, None] = {}
        self.changed_pages: dict[str, PageRow] = {}
        self.removed_pages: dict[str, None] = {}
        #: What is written: new rows, and the columns of others that are new.
        self.made: dict[str, ElementRow] = {}
        self.made_pages: dict[str, PageRow] = {}
        self.edits: dict[str, dict[str, Any]] = {}
        self.page_edits: dict[str, dict[str, Any]] = {}
        #: Elements that went with their page, unseen.
        self.swept: list[str] = []
        self.clashes: list[Clash] = []
        #: By how many bytes the book has grown, or shrunk.
        self.growth = 0
        self._count = reading.count
        #: By page; the pages' own is under the book.
        self._stacks: dict[str, Stack[str]] = {page_id: Stack(()) for page_id in needs.stacks}
        for page_id, (keys, ids) in reading.stacks.items():
            self._stacks[page_id] = Stack(zip(keys, ids, strict=True))
        self._tops: dict[str, str | None] = {}

    @property
    def has_changed(self) -> bool:
        return bool(self.changed or self.removed or self.changed_pages or self.removed_pages)

    def has(self, row: Row) -> bool:
        """Whether it is of this book; ids of other books' are known as well."""
        return row.book_id == self.book_id

    def first_page(self) -> PageRow:
        if self.needs.all_pages:
            return self.known.pages[self.pages().first]
        return self.known.pages[self.reading.first_page or ""]

    def add(self, element: ElementRow, *path: str) -> None:
        """Puts a new element into the book. Raises LimitReached."""
        if self._count >= ELEMENTS_LIMIT:
            raise LimitReached(f"A book has at most {ELEMENTS_LIMIT:,} elements.", *path)
        self._count += 1
        self.growth += element.weight
        self.known.elements[element.id] = self.made[element.id] = self.changed[element.id] = element

    def add_page(self, page: PageRow, *path: str) -> None:
        """Puts a new page into the book. Raises LimitReached."""
        if len(self.pages()) >= PAGES_LIMIT:
            raise LimitReached(f"A book has at most {PAGES_LIMIT:,} pages.", *path)
        self.known.pages[page.id] = self.made_pages[page.id] = self.changed_pages[page.id] = page
        self._stacks[page.id] = Stack(())

    def change(self, row: Row, fields: Mapping[str, Any]) -> None:
        """Gives the row these columns, and has the event tell of it."""
        row.__dict__.update(fields)
        if isinstance(row, ElementRow):
            self.changed[row.id] = row
            if row.id not in self.made:
                self.edits.setdefault(row.id, {"id": row.id}).update(fields)
        else:
            self.changed_pages[row.id] = row
            if row.id not in self.made_pages:
                self.page_edits.setdefault(row.id, {"id": row.id}).update(fields)

    def remove(self, element: ElementRow) -> None:
        """Takes it out of the book; it stays as a grave, so that its id is never given again."""
        self.change(element, {"deleted_at": self.now})
        del self.changed[element.id]
        self.removed[element.id] = None
        self.growth -= element.weight
        self._count -= 1
        if element.page_id in self._stacks:
            self._stacks[element.page_id].take(element.id)

    def remove_page(self, page: PageRow) -> None:
        """With all that is on it."""
        weights = self.reading.weights
        for id in [*self.elements_on(page.id)]:
            element = self.known.elements.get(id)
            if element is not None:
                self.remove(element)
            else:
                self.swept.append(id)
                self.removed[id] = None
                self.growth -= weights[id]
                self._count -= 1
        self.change(page, {"deleted_at": self.now})
        del self.changed_pages[page.id]
        self.removed_pages[page.id] = None
        self.pages().take(page.id)

    def agree(self, element: ElementRow, operation: Operation) -> bool:
        """Whether the element is still as the client knew it; if not, the batch is a conflict."""
        seen = operation.given.get("if_seq")
        if seen is None or element.seq <= seen:
            return True
        refusal = Conflict("Someone else changed this element first.", *operation.path("if_seq"))
        self.clashes.append(Clash(element.id, refusal))
        return False

    def elements_on(self, page_id: str) -> Stack[str]:
        """Raises Unread."""
        if page_id not in self._stacks:
            self.needs.stacks.add(page_id)
            raise Unread
        return self._stacks[page_id]

    def pages(self) -> Stack[str]:
        stack = self._stacks.get(self.book_id)
        if stack is None:
            pages = self.known.pages.values()
            alive = (
                (page.order_key, page.id) for page in pages if page.book_id == self.book_id and not page.deleted_at
            )
            stack = self._stacks[self.book_id] = Stack(alive)
        return stack

    def put(self, row: Row, stack: Stack[str], index: int) -> bool:
        """Puts the row there among the others of the stack; whether that changes anything. Raises Unread."""
        keys = stack.put(row.id, index)
        rows: Mapping[str, Row] = self.known.elements if isinstance(row, ElementRow) else self.known.pages
        unread = keys.keys() - rows.keys()
        if unread:
            self.needs.elements |= unread
            raise Unread
        for id, key in keys.items():
            self.change(rows[id], {"order_key": key})
        return bool(keys)

    def top_of(self, page_id: str, new_id: str) -> str:
        """The key of a new element above all others of its page. Raises Unread."""
        if page_id in self._stacks:
            return self._stacks[page_id].push(new_id)
        # Not by the stack, which may have thousands where the highest key is enough.
        if page_id not in self._tops:
            if page_id not in self.reading.tops:
                self.needs.tops.add(page_id)
                raise Unread
            self._tops[page_id] = self.reading.tops[page_id]
        key = self._tops[page_id] = between(self._tops[page_id], None)
        return key

    def turn(self, element: ElementRow, page_id: str) -> None:
        """Takes the element to another page; its place there is still to be given."""
        if element.page_id in self._stacks:
            self._stacks[element.page_id].take(element.id)
        self.change(element, {"page_id": page_id})
