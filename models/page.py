"""The sheets of a book."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_
from sqlmodel import Field, SQLModel, col

from models.columns import moment, now, order_key, reference, text
from models.id import new_id

NAME_LENGTH: Final = 100


class Page(SQLModel, table=True):
    """A sheet; without width and height an infinite canvas. A deleted one stays: its id stays gone."""

    __tablename__ = "pages"
    __table_args__ = (Index("pages_in_order", "book_id", "order_key", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    book_id: UUID = reference("books.id", ondelete="CASCADE")
    name: str | None = text(default=None)
    order_key: str = order_key()
    width: float | None = None
    height: float | None = None
    background: str | None = text(default=None)
    created_at: datetime = moment(default_factory=now)
    deleted_at: datetime | None = moment(default=None)

    @staticmethod
    def of(book_id: UUID) -> ColumnElement[bool]:
        return and_(col(Page.book_id) == book_id, col(Page.deleted_at).is_(None))

    def told(self) -> dict[str, Any]:
        """What an event says of it."""
        return {
            "id": str(self.id),
            "book_id": str(self.book_id),
            "name": self.name,
            "order_key": self.order_key,
            "width": self.width,
            "height": self.height,
            "background": self.background,
        }

    @classmethod
    def heard(cls, book_id: UUID, told: dict[str, Any]) -> "Page":
        """The page that an event told of; it belongs to no session."""
        return cls(**{**told, "id": UUID(told["id"]), "book_id": book_id})
