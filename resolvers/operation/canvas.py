"""A canvas while a batch is applied to it: what was touched, and what has become of it."""

from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlmodel import col

from models import Book, Element, Image, ImageStatus, Page
from models.book import ELEMENTS_LIMIT, PAGES_LIMIT
from models.id import client_id as parsed_client_id
from models.id import inside
from models.operation import Operation, OperationStatus
from models.refusal import Conflict, Invalid, LimitReached, NotFound, Taken
from resolvers.work import Work

Row = TypeVar("Row", Element, Page)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one operation."""

    status: OperationStatus
    element: Element | None = None
    page: Page | None = None

    def kept(self) -> dict[str, str | None]:
        """As it is remembered, for a repeat."""
        return {
            "status": self.status,
            "element": str(self.element.id) if self.element else None,
            "page": str(self.page.id) if self.page else None,
        }


GONE = Outcome(OperationStatus.GONE)


@dataclass(frozen=True, slots=True)
class Clash:
    element: Element
    refusal: Conflict


@dataclass
class Canvas:
    """The rows of one book that a batch touches; the book is locked, so that nobody else moves them."""

    work: Work
    book: Book
    changed: dict[UUID, Element] = field(default_factory=dict)
    removed: dict[UUID, Element] = field(default_factory=dict)
    changed_pages: dict[UUID, Page] = field(default_factory=dict)
    removed_pages: dict[UUID, Page] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)
    _known: dict[tuple[type, UUID], Any] = field(default_factory=dict)
    _tops: dict[UUID, str | None] = field(default_factory=dict)
    _first_page: UUID | None = None
    _counts: dict[type, int] = field(default_factory=dict)
    _images: set[UUID] = field(default_factory=set)

    @property
    def has_changed(self) -> bool:
        return bool(self.changed or self.removed or self.changed_pages or self.removed_pages)

    async def element(self, id: str, *path: str) -> Element:
        """The element, deleted or not. Raises NotFound for one that was never of this book."""
        return await self._row(Element, "el", id, *path)

    async def page(self, id: str, *path: str) -> Page:
        """The page, deleted or not. Raises NotFound for one that was never of this book."""
        return await self._row(Page, "pg", id, *path)

    async def first_page(self) -> Page:
        if self._first_page is None:
            self._first_page = await self.work.session.scalar(
                select(col(Page.id)).where(Page.of(self.book.id)).order_by(col(Page.order_key), col(Page.id)).limit(1)
            )
        first: Page = await self._get(Page, self._first_page)
        return first

    async def made(self, model: type[Row], client_id: str | None, *path: str) -> Row | None:
        """What was made with this clientId before. Raises Invalid for none, Taken where another book has it."""
        if client_id is None:
            return None
        id = parsed_client_id(client_id)
        if id is None:
            raise Invalid("A clientId is a UUID in lower case.", *path)
        row: Row | None = await self._get(model, id)
        if row is not None and row.book_id != self.book.id:
            raise Taken("This clientId is taken.", *path)
        return row

    async def add(self, row: Element | Page) -> None:
        """Puts a new row into the book. Raises LimitReached."""
        most = ELEMENTS_LIMIT if isinstance(row, Element) else PAGES_LIMIT
        count = self._counts.get(type(row))
        if count is None:
            model = type(row)
            count = await self.work.session.scalar(
                select(func.count()).select_from(model).where(model.of(self.book.id))
            )
        if (count or 0) >= most:
            raise LimitReached(f"A book has at most {most:,} {type(row).__name__.lower()}s.", "input", "bookId")
        self._counts[type(row)] = (count or 0) + 1
        self._known[type(row), row.id] = row
        self.work.session.add(row)
        self.touch(row)

    def touch(self, row: Element | Page) -> None:
        """Has the event tell of the row."""
        if isinstance(row, Element):
            self.changed[row.id] = row
        else:
            self.changed_pages[row.id] = row
            self._first_page = None

    def remove(self, row: Element | Page) -> None:
        """Takes the row out of the book; it stays as a grave, so that its id is never given again."""
        row.deleted_at = self.work.now
        if isinstance(row, Element):
            self.changed.pop(row.id, None)
            self.removed[row.id] = row
        else:
            self.changed_pages.pop(row.id, None)
            self.removed_pages[row.id] = row
            self._first_page = None
        self._counts.pop(type(row), None)

    def agree(self, element: Element, operation: Operation) -> bool:
        """Whether the element is still as the client knew it; if not, the batch is a conflict."""
        known = operation.given.get("if_seq")
        if known is None or element.seq <= known:
            return True
        refusal = Conflict("Someone else changed this element first.", *operation.path("if_seq"))
        self.clashes.append(Clash(element, refusal))
        return False

    async def image(self, id: str | None, *path: str) -> UUID | None:
        """The id of a photo that can be placed here. Raises NotFound for any other."""
        if id is None:
            return None
        image_id = inside("im", id)
        if image_id not in self._images:
            found = await self.work.session.scalar(
                select(col(Image.id)).where(
                    col(Image.id) == image_id,
                    col(Image.book_id) == self.book.id,
                    col(Image.deleted_at).is_(None),
                    col(Image.status) != ImageStatus.FAILED,
                )
            )
            if found is None:
                raise NotFound("There is no such photo in this book.", *path)
            self._images.add(found)
        return image_id

    async def top(self, page_id: UUID) -> str | None:
        """A key that no element of the page lies above."""
        if page_id not in self._tops:
            self._tops[page_id] = await self.work.session.scalar(
                select(func.max(Element.order_key)).where(Element.on(page_id))
            )
        return self._tops[page_id]

    def put_on_top(self, page_id: UUID, order_key: str) -> None:
        self._tops[page_id] = order_key

    def stack(self, element: Element, page_id: UUID) -> Select[*tuple[Any, ...]]:
        """The other elements of a page."""
        return select(Element).where(Element.on(page_id), col(Element.id) != element.id)

    async def neighbour(self, rows: Select[*tuple[Any, ...]], than: Element | None, *, above: bool) -> Element | None:
        """The nearest of the rows above or below one; of all of them the lowest or the highest."""
        place = tuple_(col(Element.order_key), col(Element.id))
        if than is not None:
            at = (than.order_key, than.id)
            rows = rows.where(place > at if above else place < at)
        keys = (col(Element.order_key), col(Element.id))
        rows = rows.order_by(*keys) if above else rows.order_by(*(key.desc() for key in keys))
        found: Element | None = await self.work.session.scalar(rows.limit(1))
        return found

    async def _row(self, model: type[Row], kind: str, id: str, *path: str) -> Row:
        row: Row | None = await self._get(model, inside(kind, id))
        if row is None or row.book_id != self.book.id:
            raise NotFound(f"There is no such {model.__name__.lower()} in this book.", *path)
        return row

    async def _get(self, model: type[Row], id: UUID | None) -> Any:
        if id is None:
            return None
        if (model, id) not in self._known:
            self._known[model, id] = await self.work.session.get(model, id)
        return self._known[model, id]
