"""What the operations of a batch speak of, by the ids that clients use."""

from typing import TypeVar

from models.image import checked_use
from models.refusal import Invalid, NotFound, Taken
from resolvers.operation.needs import bare, bare_client_id
from resolvers.operation.reading import Reading
from resolvers.operation.row import ElementRow, PageRow, grave

Row = TypeVar("Row", ElementRow, PageRow)


class Known:
    """Rows that were read or made. One that is not of this book is answered as one that does not exist."""

    def __init__(self, reading: Reading) -> None:
        self.elements = reading.elements
        self.pages = reading.pages
        self._images = reading.images
        self._book_id = reading.book_id

    def element(self, id: str, *path: str) -> ElementRow:
        """The element, deleted or not. Raises NotFound for one that was never of this book."""
        row = self.elements.get(bare("el", id) or "")
        if row is None or row.book_id != self._book_id:
            raise NotFound("There is no such element in this book.", *path)
        return row

    def page(self, id: str, *path: str) -> PageRow:
        """The page, deleted or not. Raises NotFound for one that was never of this book."""
        row = self.pages.get(bare("pg", id) or "")
        if row is None or row.book_id != self._book_id:
            raise NotFound("There is no such page in this book.", *path)
        return row

    def image(self, id: str | None, *path: str) -> str | None:
        """The id of a photo that can be placed here. Raises NotFound for any other."""
        if id is None:
            return None
        image_id = bare("im", id)
        checked_use(self._images.get(image_id or ""), *path)
        return image_id

    def made(self, rows: dict[str, Row], client_id: str | None, *path: str) -> Row | None:
        """What was made with this clientId before. Raises Invalid for none, Taken where another book has it."""
        if client_id is None:
            return None
        id = bare_client_id(client_id)
        if id is None:
            raise Invalid("A clientId is a UUID in lower case.", *path)
        row = rows.get(id)
        if row is not None and row.book_id != self._book_id:
            raise Taken("This clientId is taken.", *path)
        return row

    def miss(self, rows: dict[str, Row], row: type[Row], client_id: str | None, at: str) -> None:
        """What was to be made has lost its place: what the batch goes on to do with it is GONE as well."""
        if client_id is not None:
            rows[client_id] = row(grave(client_id, self._book_id, at))
