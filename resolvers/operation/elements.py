"""The operations on elements."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from models import Element, ElementKind
from models.element import OWN_FIELDS, checked_fields
from models.id import new_id
from models.operation import CREATES, Operation, OperationStatus, StackPosition
from models.order import between
from models.refusal import Invalid, Required
from resolvers.operation.canvas import GONE, Canvas, Outcome

_PLACEMENT: Final = ("client_id", "page_id")


async def create(canvas: Canvas, operation: Operation) -> Outcome:
    """On top of its page. Made before: NOOP; made and deleted, or its page is gone: GONE."""
    kind = CREATES[operation.verb]
    placement: Mapping[str, Any] = operation.given["placement"]

    def where(field: str) -> tuple[str, ...]:
        return operation.path("placement", field) if field in placement else operation.path(field)

    made = await canvas.made(Element, placement.get("client_id"), *where("client_id"))
    if made is not None:
        return GONE if made.deleted_at else Outcome(OperationStatus.NOOP, element=made)
    # What null would clear is left out: here it means the default.
    given = {
        name: value
        for name, value in {**placement, **operation.given}.items()
        if name not in ("placement", *_PLACEMENT) and value is not None
    }
    fields = await _checked(canvas, kind, given, where)
    if kind is ElementKind.DRAWING and "points" not in fields:
        raise Required("A drawing has points.", *operation.path("points"))
    page_id = placement.get("page_id")
    page = await (canvas.first_page() if page_id is None else canvas.page(page_id, *where("page_id")))
    if page.deleted_at:
        return GONE
    client_id = placement.get("client_id")
    element = Element(
        id=UUID(client_id) if client_id else new_id(),
        book_id=canvas.book.id,
        page_id=page.id,
        kind=kind,
        order_key=between(await canvas.top(page.id), None),
        created_by=canvas.work.actor_id,
        updated_by=canvas.work.actor_id,
        created_at=canvas.work.now,
        updated_at=canvas.work.now,
        **{**OWN_FIELDS[kind], **_cleared(operation.given, kind), **fields},
    )
    canvas.put_on_top(page.id, element.order_key)
    await canvas.add(element)
    return Outcome(OperationStatus.APPLIED, element=element)


async def update(canvas: Canvas, operation: Operation) -> Outcome:
    """Changes the fields that were sent, and no other."""
    element = await canvas.element(operation.given["id"], *operation.path("id"))
    if element.deleted_at:
        return GONE
    given = {name: value for name, value in operation.given.items() if name not in ("id", "if_seq")}
    fields = await _checked(canvas, ElementKind(element.kind), given, operation.path)
    if not canvas.agree(element, operation):
        return Outcome(OperationStatus.NOOP, element=element)
    changed = {name: value for name, value in fields.items() if getattr(element, name) != value}
    if not changed:
        return Outcome(OperationStatus.NOOP, element=element)
    for name, value in changed.items():
        setattr(element, name, value)
    canvas.touch(element)
    return Outcome(OperationStatus.APPLIED, element=element)


async def delete(canvas: Canvas, operation: Operation) -> Outcome:
    """Deleted already is NOOP: what was asked for is so."""
    element = await canvas.element(operation.given["id"], *operation.path("id"))
    if element.deleted_at:
        return Outcome(OperationStatus.NOOP)
    if canvas.agree(element, operation):
        canvas.remove(element)
    return Outcome(OperationStatus.APPLIED)


async def move(canvas: Canvas, operation: Operation) -> Outcome:
    """Among its page's elements, or to the front of another page unless it is said where."""
    given = operation.given
    element = await canvas.element(given["id"], *operation.path("id"))
    to, above = given.get("to"), given.get("above")
    if to is not None and above is not None:
        raise Invalid("It goes to a place of the stack or above another one, not both.", *operation.path("above"))
    if to is None and above is None and given.get("page_id") is None:
        raise Required("Where to? `to`, `above` or `pageId` says it.", *operation.path("to"))
    if element.deleted_at:
        return GONE
    page_id = element.page_id
    if given.get("page_id") is not None:
        page = await canvas.page(given["page_id"], *operation.path("page_id"))
        if page.deleted_at:
            return GONE
        page_id = page.id
    below = None
    if above is not None:
        below = await canvas.element(above, *operation.path("above"))
        if below.deleted_at:
            return GONE
        if below.page_id != page_id or below.id == element.id:
            raise Invalid("It goes above another element of the same page.", *operation.path("above"))
    if not canvas.agree(element, operation):
        return Outcome(OperationStatus.NOOP, element=element)
    if page_id == element.page_id and to is None and below is None:
        return Outcome(OperationStatus.NOOP, element=element)
    order_key = await _place(canvas, element, page_id, to and StackPosition(to), below)
    if order_key is None:
        return Outcome(OperationStatus.NOOP, element=element)
    element.order_key = order_key
    element.page_id = page_id
    top = await canvas.top(page_id)
    canvas.put_on_top(page_id, max(order_key, top or order_key))
    canvas.touch(element)
    return Outcome(OperationStatus.APPLIED, element=element)


async def _place(
    canvas: Canvas, element: Element, page_id: UUID, to: StackPosition | None, below: Element | None
) -> str | None:
    """The key that puts the element there; None when it lies there already."""
    others = canvas.stack(element, page_id)
    stays = page_id == element.page_id
    if below is not None:
        upper = await canvas.neighbour(others, below, above=True)
        lower: Element | None = below
    elif not stays or to in (None, StackPosition.FRONT):
        upper = None
        lower = await canvas.neighbour(others, None, above=False)
        if to in (StackPosition.BACK, StackPosition.BACKWARD):
            upper, lower = await canvas.neighbour(others, None, above=True), None
    elif to is StackPosition.BACK:
        upper, lower = await canvas.neighbour(others, None, above=True), None
    elif to is StackPosition.FORWARD:
        lower = await canvas.neighbour(others, element, above=True)
        if lower is None:
            return None
        upper = await canvas.neighbour(others, lower, above=True)
    else:
        upper = await canvas.neighbour(others, element, above=False)
        if upper is None:
            return None
        lower = await canvas.neighbour(others, upper, above=False)
    if stays and _lies_between(element, lower, upper):
        return None
    return between(lower.order_key if lower else None, upper.order_key if upper else None)


def _lies_between(element: Element, lower: Element | None, upper: Element | None) -> bool:
    at = (element.order_key, element.id)
    return (lower is None or (lower.order_key, lower.id) < at) and (upper is None or at < (upper.order_key, upper.id))


async def _checked(canvas: Canvas, kind: ElementKind, given: Mapping[str, Any], where: Any) -> dict[str, Any]:
    fields = checked_fields(kind, given, where=where)
    if "image_id" in fields:
        fields["image_id"] = await canvas.image(fields["image_id"], *where("image_id"))
    return fields


def _cleared(given: Mapping[str, Any], kind: ElementKind) -> dict[str, Any]:
    """The colours that were sent as null: none, rather than the default."""
    return {name: None for name in ("fill", "stroke") if name in OWN_FIELDS[kind] and given.get(name, "") is None}
