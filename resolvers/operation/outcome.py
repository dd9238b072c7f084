"""What becomes of an operation."""

from dataclasses import dataclass
from typing import Final

from models import Element, Page
from models.operation import OperationStatus
from models.refusal import Conflict


@dataclass(frozen=True, slots=True)
class Outcome:
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

    def shown(self) -> "Outcome":
        """Without what a later operation of the batch has taken away."""
        return Outcome(
            self.status,
            element=self.element if self.element and not self.element.deleted_at else None,
            page=self.page if self.page and not self.page.deleted_at else None,
        )


GONE: Final = Outcome(OperationStatus.GONE)


@dataclass(frozen=True, slots=True)
class Clash:
    """An operation on an element that is no longer what the client knew."""

    element: Element
    refusal: Conflict
