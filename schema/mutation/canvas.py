"""The canvas."""

import strawberry

from models.id import inside
from resolvers import operation
from schema.base import Info
from schema.error import mutation
from schema.operation import ApplyOperationsInput, ApplyOperationsPayload


@strawberry.type
class CanvasMutation:
    @mutation(
        "The one way into a canvas: all of them or none, one seq, one event. Repeating a batchId gives the first "
        "answer again. For editors."
    )
    async def apply_operations(self, info: Info, input: ApplyOperationsInput) -> ApplyOperationsPayload | None:
        applied = await operation.apply(
            info.context,
            book_id=inside("bk", input.book_id),
            batch_id=input.batch_id,
            operations=input.listed(),
        )
        return ApplyOperationsPayload.of(applied)
