"""The operations on pages."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Element, Page
from models.element import LARGEST, checked_color
from models.id import new_id
from models.operation import Operation, OperationStatus
from models.order import between
from models.page import NAME_LENGTH
from models.refusal import Invalid
from resolvers.operation.canvas import GONE, Canvas, Outcome


async def create(canvas: Canvas, operation: Operation) -> Outcome:
    """Behind `afterPageId`; left out is at the end, null is the front."""
    given = operation.given
    made = await canvas.made(Page, given.get("client_id"), *operation.path("client_id"))
    if made is not None:
        return GONE if made.deleted_at else Outcome(OperationStatus.NOOP, page=made)
    fields = _checked(given, operation)
    page = Page(id=_id(given.get("client_id")), book_id=canvas.book.id, order_key="", **fields)
    page.created_at = canvas.work.now
    _is_a_sheet(page, operation)
    order_key = await _place(canvas, page, operation)
    if order_key is None:
        return GONE
    page.order_key = order_key
    await canvas.add(page)
    return Outcome(OperationStatus.APPLIED, page=page)


async def update(canvas: Canvas, operation: Operation) -> Outcome:
    """Changes the fields that were sent; `afterPageId` moves it behind that page, null to the front."""
    page = await canvas.page(operation.given["id"], *operation.path("id"))
    if page.deleted_at:
        return GONE
    fields = _checked(operation.given, operation)
    if "after_page_id" in operation.given:
        order_key = await _place(canvas, page, operation)
        if order_key is None:
            return GONE
        fields["order_key"] = order_key
    changed = {name: value for name, value in fields.items() if getattr(page, name) != value}
    if not changed:
        return Outcome(OperationStatus.NOOP, page=page)
    for name, value in changed.items():
        setattr(page, name, value)
    _is_a_sheet(page, operation)
    canvas.touch(page)
    return Outcome(OperationStatus.APPLIED, page=page)


async def delete(canvas: Canvas, operation: Operation) -> Outcome:
    """With all its elements. Raises Invalid for the book's only page."""
    page = await canvas.page(operation.given["id"], *operation.path("id"))
    if page.deleted_at:
        return Outcome(OperationStatus.NOOP)
    others = select(col(Page.id)).where(Page.of(canvas.book.id), col(Page.id) != page.id).limit(1)
    if await canvas.work.session.scalar(others) is None:
        raise Invalid("A book's only page cannot go.", *operation.path("id"))
    for element in await canvas.work.session.scalars(select(Element).where(Element.on(page.id))):
        canvas.remove(element)
    canvas.remove(page)
    return Outcome(OperationStatus.APPLIED)


async def _place(canvas: Canvas, page: Page, operation: Operation) -> str | None:
    """The key of the place that was asked for, its own when it is there already; None when that place is gone."""
    others = select(Page).where(Page.of(canvas.book.id), col(Page.id) != page.id)
    forwards = (col(Page.order_key), col(Page.id))
    backwards = tuple(key.desc() for key in forwards)
    lower: Page | None = None
    if "after_page_id" not in operation.given:
        lower = await canvas.work.session.scalar(others.order_by(*backwards).limit(1))
        return between(lower.order_key if lower else None, None)
    after = operation.given["after_page_id"]
    following = others.order_by(*forwards).limit(1)
    if after is not None:
        lower = await canvas.page(after, *operation.path("after_page_id"))
        if lower.deleted_at:
            return None
        if lower.id == page.id:
            raise Invalid("A page cannot stand behind itself.", *operation.path("after_page_id"))
        following = following.where(col(Page.order_key) > lower.order_key)
    upper = await canvas.work.session.scalar(following)
    if (
        page.order_key
        and (lower is None or lower.order_key < page.order_key)
        and (upper is None or page.order_key < upper.order_key)
    ):
        return page.order_key
    return between(lower.order_key if lower else None, upper.order_key if upper else None)


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


def _id(client_id: str | None) -> UUID:
    return UUID(client_id) if client_id else new_id()
