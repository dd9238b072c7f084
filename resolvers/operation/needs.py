"""What the operations of a batch speak of: what is read before they are decided."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from models.id import kind_of
from models.operation import CREATES, Operation


@dataclass(slots=True)
class Needs:
    """By the ids that the database knows, as texts."""

    elements: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    #: Pages of which the highest key is needed.
    tops: set[str] = field(default_factory=set)
    #: Pages whose elements' order is needed, and elements of whose page it is.
    stacks: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    #: Pages that go with all that is on them.
    cleared: set[str] = field(default_factory=set)
    first_page: bool = False
    all_pages: bool = False
    count: bool = False

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> "Needs":
        needs = cls()
        for operation in operations:
            needs._learn(operation)
        return needs

    @property
    def are_elements_alone(self) -> bool:
        rows = self.pages or self.images or self.tops or self.stacks or self.moved or self.cleared
        return not (rows or self.first_page or self.all_pages or self.count)

    def _learn(self, operation: Operation) -> None:
        given, verb = operation.given, operation.verb
        if verb in CREATES:
            placement = given["placement"]
            self.count = True
            _add(self.elements, _client_id(placement))
            _add(self.images, bare("im", given.get("image_id")))
            page = bare("pg", placement.get("page_id"))
            if placement.get("page_id") is None:
                self.first_page = True
            _add(self.pages, page)
            _add(self.tops, page)
        elif verb.endswith("Page"):
            id = bare("pg", given.get("id"))
            _add(self.pages, id)
            _add(self.pages, _client_id(given))
            _add(self.pages, bare("pg", given.get("after_page_id")))
            self.all_pages = self.all_pages or verb != "updatePage" or "after_page_id" in given
            if verb == "deletePage":
                _add(self.stacks, id)
                _add(self.cleared, id)
        else:
            id = bare("el", given.get("id"))
            _add(self.elements, id)
            _add(self.images, bare("im", given.get("image_id")))
            if verb == "moveElement":
                page = bare("pg", given.get("page_id"))
                _add(self.elements, bare("el", given.get("above")))
                _add(self.pages, page)
                _add(self.stacks, page)
                _add(self.moved, id)


def bare(kind: str, id: Any) -> str | None:
    """The UUID in an id that clients use, as a text; None where it is no id of that kind."""
    return id[3:] if id is not None and kind_of(id) == kind else None


def bare_client_id(text: str) -> str | None:
    """None for what is no UUID in lower case."""
    return bare("el", f"el_{text}")


def _client_id(given: Any) -> str | None:
    client_id = given.get("client_id")
    return None if client_id is None else bare_client_id(client_id)


def _add(ids: set[str], id: str | None) -> None:
    if id is not None:
        ids.add(id)
