"""The operations on elements."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from models import ElementKind
from models.element import OWN_FIELDS, checked_fields
from models.id import new_id
from models.operation import CREATES, Operation, OperationStatus, StackPosition
from models.refusal import Invalid, Required
from resolvers.operation.canvas import Canvas
from resolvers.operation.outcome import GONE, Outcome
from resolvers.operation.row import ElementRow
from resolvers.operation.stack import Stack

#: Where in the input a field stands.
Where = Callable[[str], tuple[str, ...]]

#: What says which element and where, rather than what it is like.
_PLACED: Final = ("placement", "client_id", "page_id")


def create(canvas: Canvas, operation: Operation) -> Outcome:
    """On top of its page. Made before: NOOP; made and deleted, or its page is gone: GONE."""
    kind = CREATES[operation.verb]
    placement: Mapping[str, Any] = operation.given["placement"]

    def where(field: str) -> tuple[str, ...]:
        return operation.path("placement", field) if field in placement else operation.path(field)

    client_id, page_id = placement.get("client_id"), placement.get("page_id")
    made = canvas.known.made(canvas.known.elements, client_id, *where("client_id"))
    if made is not None:
        return GONE if made.deleted_at else Outcome(OperationStatus.NOOP, made)
    given = {name: value for name, value in {**placement, **operation.given}.items() if name not in _PLACED}
    fields = _checked(canvas, kind, given, where)
    page = canvas.first_page() if page_id is None else canvas.known.page(page_id, *where("page_id"))
    if page.deleted_at:
        canvas.known.miss(canvas.known.elements, ElementRow, client_id, canvas.now)
        return GONE
    id = client_id or str(new_id())
    element = ElementRow.new(
        id=id,
        book_id=canvas.book_id,
        page_id=page.id,
        kind=kind.value,
        order_key=canvas.top_of(page.id, id),
        created_by=canvas.actor_id,
        created_at=canvas.now,
        **{**OWN_FIELDS[kind], **fields},
    )
    canvas.add(element, *operation.path())
    return Outcome(OperationStatus.APPLIED, element)


def update(canvas: Canvas, operation: Operation) -> Outcome:
    """Changes the fields that were sent, and no other."""
    element = canvas.known.element(operation.given["id"], *operation.path("id"))
    if element.deleted_at:
        return GONE
    given = {name: value for name, value in operation.given.items() if name not in ("id", "if_seq")}
    fields = _checked(canvas, ElementKind(element.kind), given, operation.path)
    if not canvas.agree(element, operation):
        return Outcome(OperationStatus.NOOP, element)
    changed = {name: value for name, value in fields.items() if getattr(element, name) != value}
    if not changed:
        return Outcome(OperationStatus.NOOP, element)
    before = element.weight
    canvas.change(element, changed)
    canvas.growth += element.weight - before
    return Outcome(OperationStatus.APPLIED, element)


def delete(canvas: Canvas, operation: Operation) -> Outcome:
    """Deleted already is NOOP: what was asked for is so."""
    element = canvas.known.element(operation.given["id"], *operation.path("id"))
    if element.deleted_at:
        return Outcome(OperationStatus.NOOP)
    if canvas.agree(element, operation):
        canvas.remove(element)
    return Outcome(OperationStatus.APPLIED)


def move(canvas: Canvas, operation: Operation) -> Outcome:
    """Among its page's elements, or to the front of another page unless it is said where."""
    given = operation.given
    element = canvas.known.element(given["id"], *operation.path("id"))
    to, above = given.get("to"), given.get("above")
    if to is not None and above is not None:
        raise Invalid("It goes to a place of the stack or above another one, not both.", *operation.path("above"))
    if to is None and above is None and given.get("page_id") is None:
        raise Required("Where to? `to`, `above` or `pageId` says it.", *operation.path("to"))
    if element.deleted_at:
        return GONE
    page_id, lower = element.page_id, None
    if given.get("page_id") is not None:
        page = canvas.known.page(given["page_id"], *operation.path("page_id"))
        if page.deleted_at:
            return GONE
        page_id = page.id
    if above is not None:
        lower = canvas.known.element(above, *operation.path("above"))
        if lower.deleted_at:
            return GONE
        if lower.page_id != page_id or lower.id == element.id:
            raise Invalid("It goes above another element of the same page.", *operation.path("above"))
    if not canvas.agree(element, operation):
        return Outcome(OperationStatus.NOOP, element)
    stays = page_id == element.page_id
    stack = canvas.elements_on(page_id)
    index = _index(stack, element, StackPosition(to) if to else None, lower, stays=stays)
    if not stays:
        canvas.turn(element, page_id)
    moved = canvas.put(element, stack, index)
    return Outcome(OperationStatus.APPLIED if moved else OperationStatus.NOOP, element)


def _index(
    stack: Stack[str], element: ElementRow, to: StackPosition | None, lower: ElementRow | None, *, stays: bool
) -> int:
    """Where it goes among the others of the stack; one that comes from another page comes from above."""
    others = len(stack) - stays
    here = stack.index(element.id) if stays else others
    if lower is not None:
        below = stack.index(lower.id)
        return below if stays and here < below else below + 1
    match to:
        case StackPosition.FRONT:
            return others
        case StackPosition.BACK:
            return 0
        case StackPosition.FORWARD:
            return min(here + 1, others)
        case StackPosition.BACKWARD:
            return max(here - 1, 0)
        case None:
            return here


def _checked(canvas: Canvas, kind: ElementKind, given: Mapping[str, Any], where: Where) -> dict[str, Any]:
    fields = checked_fields(kind, given, where=where)
    if "image_id" in fields:
        fields["image_id"] = canvas.known.image(fields["image_id"], *where("image_id"))
    return fields
