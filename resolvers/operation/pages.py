"""The operations on pages."""

from collections.abc import Mapping
from typing import Any

from models.element import LARGEST, checked_color
from models.id import new_id
from models.operation import Operation, OperationStatus
from models.page import NAME_LENGTH
from models.refusal import Invalid
from resolvers.operation.canvas import Canvas
from resolvers.operation.outcome import GONE, Outcome
from resolvers.operation.row import PageRow
from resolvers.operation.stack import Stack


def create(canvas: Canvas, operation: Operation) -> Outcome:
    """Behind `afterPageId`; left out is at the end, null is the front."""
    given = operation.given
    client_id = given.get("client_id")
    made = canvas.known.made(canvas.known.pages, client_id, *operation.path("client_id"))
    if made is not None:
        return GONE if made.deleted_at else Outcome(OperationStatus.NOOP, made)
    page = PageRow.new(
        id=client_id or str(new_id()),
        book_id=canvas.book_id,
        created_at=canvas.now,
        **_checked(given, operation),
    )
    _is_a_sheet(page, operation)
    stack = canvas.pages()
    index = _index(canvas, stack, page, operation) if "after_page_id" in given else len(stack)
    if index is None:
        canvas.known.miss(canvas.known.pages, PageRow, client_id, canvas.now)
        return GONE
    canvas.add_page(page, *operation.path())
    canvas.put(page, stack, index)
    return Outcome(OperationStatus.APPLIED, page)


def update(canvas: Canvas, operation: Operation) -> Outcome:
    """Changes the fields that were sent; `afterPageId` moves it behind that page, null to the front."""
    page = canvas.known.page(operation.given["id"], *operation.path("id"))
    if page.deleted_at:
        return GONE
    fields = _checked(operation.given, operation)
    changed = {name: value for name, value in fields.items() if getattr(page, name) != value}
    moved = False
    if "after_page_id" in operation.given:
        stack = canvas.pages()
        index = _index(canvas, stack, page, operation)
        if index is None:
            return GONE
        moved = canvas.put(page, stack, index)
    if changed:
        canvas.change(page, changed)
    _is_a_sheet(page, operation)
    return Outcome(OperationStatus.APPLIED if changed or moved else OperationStatus.NOOP, page)


def delete(canvas: Canvas, operation: Operation) -> Outcome:
    """With all its elements. Raises Invalid for the book's only page."""
    page = canvas.known.page(operation.given["id"], *operation.path("id"))
    if page.deleted_at:
        return Outcome(OperationStatus.NOOP)
    if len(canvas.pages()) == 1:
        raise Invalid("A book's only page cannot go.", *operation.path("id"))
    canvas.remove_page(page)
    return Outcome(OperationStatus.APPLIED)


def _index(canvas: Canvas, stack: Stack[str], page: PageRow, operation: Operation) -> int | None:
    """Where it goes among the other pages; None when the page that it should follow is gone."""
    after = operation.given["after_page_id"]
    if after is None:
        return 0
    lower = canvas.known.page(after, *operation.path("after_page_id"))
    if lower.deleted_at:
        return None
    if lower.id == page.id:
        raise Invalid("A page cannot stand behind itself.", *operation.path("after_page_id"))
    below = stack.index(lower.id)
    return below if page.id in stack and stack.index(page.id) < below else below + 1


def _checked(given: Mapping[str, Any], operation: Operation) -> dict[str, Any]:
    """The values as they are kept. Raises Invalid."""
    fields = {name: given[name] for name in ("name", "width", "height", "background") if name in given}
    if (fields.get("name") is not None) and len(fields["name"]) > NAME_LENGTH:
        raise Invalid(f"A page's name has at most {NAME_LENGTH} characters.", *operation.path("name"))
    for side in ("width", "height"):
        if fields.get(side) is not None and not 0 < fields[side] <= LARGEST:
            raise Invalid("A page's side is longer than nothing.", *operation.path(side))
    if fields.get("background") is not None:
        try:
            fields["background"] = checked_color(fields["background"])
        except ValueError as error:
            raise Invalid(str(error), *operation.path("background")) from error
    return fields


def _is_a_sheet(page: PageRow, operation: Operation) -> None:
    if (page.width is None) != (page.height is None):
        missing = "width" if page.width is None else "height"
        raise Invalid("A page has width and height, or neither.", *operation.path(missing))
