"""What becomes of an operation."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.operation import OperationStatus
from models.refusal import Conflict
from resolvers.operation.row import ElementRow, PageRow, Row


@dataclass(frozen=True, slots=True)
class Shown:
    """A row that the answer may show, which is read by its id."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Outcome:
    """With the row that the operation was about, if it is there."""

    status: OperationStatus
    row: Row | None = None

    @property
    def element(self) -> Shown | None:
        return Shown(UUID(self.row.id)) if isinstance(self.row, ElementRow) else None

    @property
    def page(self) -> Shown | None:
        return Shown(UUID(self.row.id)) if isinstance(self.row, PageRow) else None

    def kept(self) -> dict[str, str | None]:
        """As it is remembered, for a repeat."""
        row = self.row
        return {
            "status": self.status,
            "element": row.id if isinstance(row, ElementRow) else None,
            "page": row.id if isinstance(row, PageRow) else None,
        }

    def shown(self) -> "Outcome":
        """Without what a later operation of the batch has taken away."""
        return Outcome(self.status) if self.row is not None and self.row.deleted_at is not None else self


GONE: Final = Outcome(OperationStatus.GONE)


@dataclass(frozen=True, slots=True)
class Clash:
    """An operation on an element that is no longer what the client knew."""

    element_id: str
    refusal: Conflict
