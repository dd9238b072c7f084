"""The way into a canvas: operations, in batches."""

from typing import Any

import strawberry

from models import TextAlign
from models.operation import BATCH, BATCH_POINTS, OperationStatus, StackPosition, camel
from models.operation import Operation as OperationModel
from resolvers.operation import Applied
from schema.base import Color, given
from schema.element import Element
from schema.error import Payload, UserError
from schema.page import Page
from schema.plan.source import capped

UNSET: Any = strawberry.UNSET


@strawberry.input(description="What every kind has. Left out: scale 1, angle 0, opacity 1, on top of the first page.")
class PlacementInput:
    client_id: str | None = strawberry.field(
        default=UNSET, description="A UUID in lower case; the element's id is then `el_` and it."
    )
    page_id: strawberry.ID | None = UNSET
    x: float
    y: float
    width: float
    height: float
    scale_x: float | None = UNSET
    scale_y: float | None = UNSET
    angle: float | None = UNSET
    opacity: float | None = UNSET
    locked: bool | None = UNSET


@strawberry.input
class CropInput:
    x: float
    y: float
    width: float
    height: float


@strawberry.input
class PointInput:
    x: float
    y: float


@strawberry.input
class CreatePageInput:
    client_id: str | None = strawberry.field(
        default=UNSET, description="A UUID in lower case; the page's id is then `pg_` and it."
    )
    name: str | None = UNSET
    width: float | None = UNSET
    height: float | None = UNSET
    background: Color | None = UNSET
    after_page_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Behind this page; left out is at the end, null is to the front."
    )


@strawberry.input
class UpdatePageInput:
    id: strawberry.ID
    name: str | None = UNSET
    width: float | None = UNSET
    height: float | None = UNSET
    background: Color | None = UNSET
    after_page_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Moves it behind this page; null is to the front."
    )


@strawberry.input(description="With all its elements. A book's only page cannot go: INVALID.")
class DeletePageInput:
    id: strawberry.ID


@strawberry.input
class CreateImageElementInput:
    placement: PlacementInput
    image_id: strawberry.ID | None = UNSET
    crop: CropInput | None = UNSET
    corner_radius: float | None = UNSET


@strawberry.input
class CreateTextElementInput:
    placement: PlacementInput
    content: str
    font_size: float | None = strawberry.field(default=UNSET, description="16 unless said.")
    font_family: str | None = UNSET
    color: Color | None = UNSET
    align: TextAlign | None = UNSET


@strawberry.input
class CreateRectangleElementInput:
    placement: PlacementInput
    fill: Color | None = UNSET
    stroke: Color | None = UNSET
    stroke_width: float | None = UNSET
    corner_radius: float | None = UNSET


@strawberry.input
class CreateCircleElementInput:
    placement: PlacementInput
    fill: Color | None = UNSET
    stroke: Color | None = UNSET
    stroke_width: float | None = UNSET


@strawberry.input
class CreateDrawingElementInput:
    placement: PlacementInput
    points: list[PointInput] = strawberry.field(description="2 to 10,000, relative to the centre.")
    stroke: Color | None = UNSET
    stroke_width: float | None = UNSET


@strawberry.input(
    description="Only the fields that are sent change; a field that the element's kind does not have is INVALID."
)
class UpdateElementInput:
    id: strawberry.ID
    if_seq: int | None = strawberry.field(
        default=UNSET,
        description="When sent, the update is a CONFLICT if the element changed after this seq.",
    )
    x: float | None = UNSET
    y: float | None = UNSET
    width: float | None = UNSET
    height: float | None = UNSET
    scale_x: float | None = UNSET
    scale_y: float | None = UNSET
    angle: float | None = UNSET
    opacity: float | None = UNSET
    locked: bool | None = UNSET
    image_id: strawberry.ID | None = UNSET
    crop: CropInput | None = UNSET
    corner_radius: float | None = UNSET
    content: str | None = UNSET
    font_size: float | None = UNSET
    font_family: str | None = UNSET
    color: Color | None = UNSET
    align: TextAlign | None = UNSET
    fill: Color | None = UNSET
    stroke: Color | None = UNSET
    stroke_width: float | None = UNSET
    points: list[PointInput] | None = UNSET


@strawberry.input(description="Where it lies among its page's elements, or on another page.")
class MoveElementInput:
    id: strawberry.ID
    if_seq: int | None = UNSET
    page_id: strawberry.ID | None = UNSET
    to: StackPosition | None = UNSET
    above: strawberry.ID | None = strawberry.field(default=UNSET, description="In front of this one.")


@strawberry.input
class DeleteElementInput:
    id: strawberry.ID
    if_seq: int | None = UNSET


@strawberry.input(one_of=True, description="One thing to do.")
class Operation:
    create_page: CreatePageInput | None = UNSET
    update_page: UpdatePageInput | None = UNSET
    delete_page: DeletePageInput | None = UNSET
    create_image: CreateImageElementInput | None = UNSET
    create_text: CreateTextElementInput | None = UNSET
    create_rectangle: CreateRectangleElementInput | None = UNSET
    create_circle: CreateCircleElementInput | None = UNSET
    create_drawing: CreateDrawingElementInput | None = UNSET
    update_element: UpdateElementInput | None = UNSET
    move_element: MoveElementInput | None = UNSET
    delete_element: DeleteElementInput | None = UNSET


@strawberry.input
class ApplyOperationsInput:
    book_id: strawberry.ID
    batch_id: str = strawberry.field(
        description=(
            "Chosen by the client, at most 100 characters; a UUID does. It counts within the book and the user. The "
            "same one with other operations is a CONFLICT. Refused batches are not remembered."
        )
    )
    operations: list[Operation] = strawberry.field(
        description=f"1 to 500, with {BATCH_POINTS:,} points in all at most."
    )

    def listed(self) -> list[OperationModel]:
        listed = []
        for place, operation in enumerate(self.operations):
            [(verb, fields)] = given(operation).items()
            listed.append(OperationModel(place, camel(verb), fields))
        return listed


@strawberry.type(description="What became of one operation.")
class OperationResult:
    status: OperationStatus
    element: Element | None
    page: Page | None


@strawberry.type
class ApplyOperationsPayload(Payload):
    seq: int | None = strawberry.field(
        default=None, description="The book's seq after the batch; a batch of NOOPs makes no new one."
    )
    results: list[OperationResult] | None = strawberry.field(
        default=None, description="One for each operation, in their order.", metadata=capped(BATCH[1], "book")
    )
    conflicts: list[Element] | None = strawberry.field(
        default=None, description="With CONFLICT: the elements as they are now.", metadata=capped(BATCH[1], "book")
    )

    @classmethod
    def of(cls, applied: Applied) -> "ApplyOperationsPayload":
        if applied.refusals:
            return cls(
                conflicts=applied.conflicts,  # type: ignore[arg-type]
                user_errors=[UserError.of(refusal) for refusal in applied.refusals],
            )
        return cls(seq=applied.seq, results=applied.results)  # type: ignore[arg-type]
