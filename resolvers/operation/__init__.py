"""The one way into a canvas: all operations of a batch or none, one seq, one event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Batch, Book, Element, Page, Role
from models.event import CanvasChanged
from models.operation import BATCH, BATCH_ID_LENGTH, CREATES, Operation, OperationStatus, digest
from models.refusal import Conflict, Invalid, Refusal
from resolvers import access
from resolvers.context import Context
from resolvers.operation import elements, pages
from resolvers.operation.canvas import Canvas, Outcome
from resolvers.work import Work

_VERBS = {
    "createPage": pages.create,
    "updatePage": pages.update,
    "deletePage": pages.delete,
    "updateElement": elements.update,
    "moveElement": elements.move,
    "deleteElement": elements.delete,
    **dict.fromkeys(CREATES, elements.create),
}


@dataclass(frozen=True, slots=True)
class Applied:
    """The answer to a batch: the seq after it, and each operation's outcome, in their order."""

    seq: int | None = None
    results: list[Outcome] = field(default_factory=list)
    conflicts: list[Element] | None = None
    refusals: Sequence[Refusal] = ()


class _Clash(Exception):
    def __init__(self, canvas: Canvas) -> None:
        self.refusals = [clash.refusal for clash in canvas.clashes]
        self.element_ids = {clash.element.id for clash in canvas.clashes}


async def apply(context: Context, *, book_id: UUID | None, batch_id: str, operations: list[Operation]) -> Applied:
    """Applies the batch, or answers as the first time when it was applied before.

    Raises the refusal of the operation that cannot be done, with its path; then nothing has changed.
    """
    least, most = BATCH
    if not least <= len(operations) <= most:
        raise Invalid(f"A batch has {least} to {most} operations.", "input", "operations")
    if not 1 <= len(batch_id) <= BATCH_ID_LENGTH:
        raise Invalid(f"A batchId has 1 to {BATCH_ID_LENGTH} characters.", "input", "batchId")
    mark = digest(operations)
    try:
        async with context.work() as work:
            seat = await access.book(work, context.viewer.user_id, book_id, Role.EDITOR, "input", "bookId")
            before = await work.session.get(Batch, (seat.book.id, context.viewer.user_id, batch_id))
            if before is not None:
                return await _repeated(work, before, mark)
            canvas = Canvas(work, seat.book)
            results = [await _VERBS[operation.verb](canvas, operation) for operation in operations]
            if canvas.clashes:
                raise _Clash(canvas)
            seq = await _announce(work, canvas, batch_id)
            work.session.add(
                Batch(
                    book_id=seat.book.id,
                    user_id=context.viewer.user_id,
                    batch_id=batch_id,
                    digest=mark,
                    seq=seq,
                    results=[outcome.kept() for outcome in results],
                    at=work.now,
                )
            )
    except _Clash as clash:
        # Read anew: what the batch did to them was taken back.
        async with context.reading() as session:
            now = await session.scalars(select(Element).where(col(Element.id).in_(clash.element_ids)))
            return Applied(conflicts=list(now), refusals=clash.refusals)
    return Applied(seq, results)


async def _announce(work: Work, canvas: Canvas, batch_id: str) -> int:
    """One seq and one event for all that changed; none where nothing did."""
    if not canvas.has_changed:
        return canvas.book.seq
    seq = await work.number(canvas.book)
    for element in (*canvas.changed.values(), *canvas.removed.values()):
        element.seq = seq
        element.updated_at = work.now
        element.updated_by = work.actor_id
    return await work.announce(
        canvas.book,
        CanvasChanged(
            book_id=canvas.book.id,
            batch_id=batch_id,
            seq=seq,
            elements=canvas.changed.values(),
            deleted_element_ids=canvas.removed,
            pages=canvas.changed_pages.values(),
            deleted_page_ids=canvas.removed_pages,
        ),
    )


async def _repeated(work: Work, before: Batch, mark: bytes) -> Applied:
    """The first seq and statuses, with what they were about as it is now."""
    if before.digest != mark:
        raise Conflict("This batchId was used for other operations.", "input", "batchId")
    found: dict[str, Any] = {}
    models: tuple[Any, ...] = (Element, Page)
    for model in models:
        name = model.__name__.lower()
        ids = [UUID(result[name]) for result in before.results if result.get(name)]
        rows = await work.session.scalars(select(model).where(col(model.id).in_(ids), col(model.deleted_at).is_(None)))
        found.update((str(row.id), row) for row in rows)
    return Applied(
        before.seq,
        [
            Outcome(
                OperationStatus(result["status"] or ""),
                element=found.get(result.get("element") or ""),
                page=found.get(result.get("page") or ""),
            )
            for result in before.results
        ],
    )


__all__ = ["Applied", "Book", "apply"]
