"""What the operations of a batch speak of, fetched at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models import Element, Image, Page
from models.columns import now
from models.id import client_id as parsed_client_id
from models.id import inside
from models.operation import CREATES, Operation
from models.refusal import Invalid, NotFound, Taken

Row = TypeVar("Row", Element, Page)

_KINDS: Final[dict[str, type]] = {"el": Element, "pg": Page, "im": Image}
_REFERENCES: Final = ("id", "page_id", "after_page_id", "above", "image_id")


class Known:
    """Rows by the ids that clients use. One that is not of this book is answered as one that does not exist."""

    def __init__(self, session: AsyncSession, book_id: UUID) -> None:
        self._session = session
        self._book_id = book_id
        self._rows: dict[tuple[type, UUID], Any] = {}
        self._images: set[UUID] = set()

    async def learn(self, operations: Iterable[Operation]) -> None:
        """Asks once a table for all that they speak of."""
        ids: defaultdict[type, set[UUID]] = defaultdict(set)
        for operation in operations:
            for model, id in _spoken_of(operation):
                ids[model].add(id)
        await self._fetch(Element, ids[Element])
        await self._fetch(Page, ids[Page])
        if ids[Image]:
            placeable = select(col(Image.id)).where(col(Image.id).in_(ids[Image]), Image.is_usable_in(self._book_id))
            self._images.update(await self._session.scalars(placeable))

    def element(self, id: str, *path: str) -> Element:
        """The element, deleted or not. Raises NotFound for one that was never of this book."""
        return self._row(Element, inside("el", id), *path)

    def page(self, id: str, *path: str) -> Page:
        """The page, deleted or not. Raises NotFound for one that was never of this book."""
        return self._row(Page, inside("pg", id), *path)

    def image(self, id: str | None, *path: str) -> UUID | None:
        """The id of a photo that can be placed here. Raises NotFound for any other."""
        if id is None:
            return None
        image_id = inside("im", id)
        if image_id not in self._images:
            raise NotFound("There is no such photo in this book.", *path)
        return image_id

    def made(self, model: type[Row], client_id: str | None, *path: str) -> Row | None:
        """What was made with this clientId before. Raises Invalid for none, Taken where another book has it."""
        if client_id is None:
            return None
        id = parsed_client_id(client_id)
        if id is None:
            raise Invalid("A clientId is a UUID in lower case.", *path)
        row: Row | None = self._rows.get((model, id))
        if row is not None and row.book_id != self._book_id:
            raise Taken("This clientId is taken.", *path)
        return row

    def miss(self, model: type[Row], client_id: str | None) -> None:
        """What was to be made has lost its place: what the batch goes on to do with it is GONE as well."""
        if client_id is not None:
            grave: Callable[..., Row] = model
            self.add(grave(id=UUID(client_id), book_id=self._book_id, deleted_at=now()))

    def add(self, row: Element | Page) -> None:
        self._rows[type(row), row.id] = row

    async def rows(self, model: type[Any], ids: Iterable[UUID]) -> list[Any]:
        """The rows of this book with these ids, in their order."""
        await self._fetch(model, [id for id in ids if (model, id) not in self._rows])
        return [self._rows[model, id] for id in ids]

    async def _fetch(self, model: type[Row], ids: Iterable[UUID]) -> None:
        if ids:
            for row in await self._session.scalars(select(model).where(col(model.id).in_(ids))):
                self.add(row)

    def _row(self, model: type[Row], id: UUID | None, *path: str) -> Row:
        row: Row | None = self._rows.get((model, id)) if id else None
        if row is None or row.book_id != self._book_id:
            raise NotFound(f"There is no such {model.__name__.lower()} in this book.", *path)
        return row


def _spoken_of(operation: Operation) -> Iterator[tuple[type, UUID]]:
    given = {**operation.given.get("placement", {}), **operation.given}
    for name in _REFERENCES:
        for kind, model in _KINDS.items():
            if given.get(name) and (id := inside(kind, given[name])):
                yield model, id
    if given.get("client_id") and (made := parsed_client_id(given["client_id"])):
        yield (Element if operation.verb in CREATES else Page), made
