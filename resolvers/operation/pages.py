"""The operations on pages."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from models import Element, Page
from models.element import LARGEST, checked_color
from models.id import new_id
from models.operation import Operation, OperationStatus
from models.page import NAME_LENGTH
from models.refusal import Invalid
from resolvers.operation.canvas import Canvas
from resolvers.operation.outcome import GONE, Outcome
from resolvers.operation.stack import Stack


async def create(canvas: Canvas, operation: Operation) -> Outcome:
    """Behind `afterPageId`; left out is at the end, null is the front."""
    given = operation.given
    client_id = given.get("client_id")
    made = canvas.known.made(Page, client_id, *operation.path("client_id"))
    if made is not None:
        return GONE if made.deleted_at else Outcome(OperationStatus.NOOP, page=made)
    page = Page(
        id=UUID(client_id) if client_id else new_id(),
        book_id=canvas.book.id,
        created_at=canvas.work.now,
        **_checked(given, operation),
    )
    _is_a_sheet(page, operation)
    stack = await canvas.pages()
    index = _index(canvas, stack, page, operation) if "after_page_id" in given else len(stack)
    if index is None:
        canvas.known.miss(Page, client_id)
        return GONE
    await canvas.add(page, *operation.path())
    await canvas.put(page, stack, index)
    return Outcome(OperationStatus.APPLIED, page=page)


async def update(canvas: Canvas, operation: Operation) -> Outcome:
    """Changes the fields that were sent; `afterPageId` moves it behind that page, null to the front."""
    page = canvas.known.page(operation.given["id"], *operation.path("id"))
    if page.deleted_at:
        return GONE
    fields = _checked(operation.given, operation)
    changed = {name: value for name, value in fields.items() if getattr(page, name) != value}
    moved = False
    if "after_page_id" in operation.given:
        stack = await canvas.pages()
        index = _index(canvas, stack, page, operation)
        if index is None:
            return GONE
        moved = await canvas.put(page, stack, index)
    for name, value in changed.items():
        setattr(page, name, value)
    _is_a_sheet(page, operation)
    if changed:
        canvas.touch(page)
    return Outcome(OperationStatus.APPLIED if changed or moved else OperationStatus.NOOP, page=page)


async def delete(canvas: Canvas, operation: Operation) -> Outcome:
    """With all its elements. Raises Invalid for the book's only page."""
    page = canvas.known.page(operation.given["id"], *operation.path("id"))
    if page.deleted_at:
        return Outcome(OperationStatus.NOOP)
    if len(await canvas.pages()) == 1:
        raise Invalid("A book's only page cannot go.", *operation.path("id"))
    for element in await canvas.work.session.scalars(select(Element).where(Element.on(page.id))):
        canvas.remove(element)
    canvas.remove(page)
    return Outcome(OperationStatus.APPLIED)


def _index(canvas: Canvas, stack: Stack, page: Page, operation: Operation) -> int | None:
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


def _is_a_sheet(page: Page, operation: Operation) -> None:
    if (page.width is None) != (page.height is None):
        missing = "width" if page.width is None else "height"
        raise Invalid("A page has width and height, or neither.", *operation.path(missing))
