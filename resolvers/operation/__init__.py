"""The one way into a canvas: all operations of a batch or none, one seq, one event."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from models import Batch, Book, Element, Page, Role
from models.book import WEIGHT_LIMIT
from models.event import CanvasChanged
from models.operation import BATCH, BATCH_ID_LENGTH, CREATES, Operation, OperationStatus, digest
from models.refusal import Conflict, Invalid, LimitReached, Refusal, TooLarge
from resolvers import access
from resolvers.context import Context
from resolvers.operation import elements, pages
from resolvers.operation.canvas import Canvas
from resolvers.operation.known import Known
from resolvers.operation.outcome import Clash, Outcome
from resolvers.work import Work

#: Bytes, about, of the elements that one event tells of: all of it is written into the journal, and read from it.
EVENT_SIZE: Final = 16 * 2**20
#: How often a batch is tried that lost a race against one of another book.
TRIES: Final = 3
#: SQLSTATE of a unique violation and of a deadlock.
_RACES: Final = ("23505", "40P01")
_VERBS: Final = {
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

    seq: int = 0
    results: list[Outcome] = field(default_factory=list)
    conflicts: list[Element] | None = None
    refusals: Sequence[Refusal] = ()


class _Clashed(Exception):
    def __init__(self, clashes: list[Clash]) -> None:
        self.refusals = [clash.refusal for clash in clashes]
        # Taken while they can be read: the rows are void after the rollback.
        self.element_ids = list(dict.fromkeys(clash.element.id for clash in clashes))


async def apply(context: Context, *, book_id: UUID | None, batch_id: str, operations: list[Operation]) -> Applied:
    """Applies the batch, or answers as the first time when it was applied before.

    Raises the refusal of the operation that cannot be done, with its path; then nothing has changed.
    """
    viewer_id = context.viewer.user_id
    least, most = BATCH
    if not least <= len(operations) <= most:
        raise Invalid(f"A batch has {least} to {most} operations.", "input", "operations")
    if not 1 <= len(batch_id) <= BATCH_ID_LENGTH:
        raise Invalid(f"A batchId has 1 to {BATCH_ID_LENGTH} characters.", "input", "batchId")
    mark = digest(operations)
    for tries_left in reversed(range(TRIES)):
        try:
            async with context.work() as work:
                seat = await access.book(work, viewer_id, book_id, Role.EDITOR, "input", "bookId")
                before = await work.session.get(Batch, (seat.book.id, viewer_id, batch_id))
                if before is not None:
                    return await _repeated(work, before, mark)
                applied = await _applied(work, seat.book, batch_id, operations)
                work.session.add(
                    Batch(
                        book_id=seat.book.id,
                        user_id=viewer_id,
                        batch_id=batch_id,
                        digest=mark,
                        seq=applied.seq,
                        results=[outcome.kept() for outcome in applied.results],
                        at=work.now,
                    )
                )
            return replace(applied, results=[outcome.shown() for outcome in applied.results])
        except _Clashed as clashed:
            return await _as_they_are(context, clashed)
        except DBAPIError as error:
            # Another book took the same clientId at the same time; now that it has, it is seen.
            if getattr(error.orig, "sqlstate", None) not in _RACES or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


async def _applied(work: Work, book: Book, batch_id: str, operations: list[Operation]) -> Applied:
    known = Known(work.session, book.id)
    await known.learn(operations)
    canvas = Canvas(work, book, known)
    outcomes = [await _VERBS[operation.verb](canvas, operation) for operation in operations]
    if canvas.clashes:
        raise _Clashed(canvas.clashes)
    return Applied(await _announce(work, canvas, batch_id), outcomes)


async def _as_they_are(context: Context, clashed: _Clashed) -> Applied:
    """What clashed, read anew: what the batch did to it was taken back."""
    ids = clashed.element_ids
    async with context.reading() as session:
        rows = await session.scalars(select(Element).where(col(Element.id).in_(ids), col(Element.deleted_at).is_(None)))
        now = {row.id: row for row in rows}
    return Applied(conflicts=[now[id] for id in ids if id in now], refusals=clashed.refusals)


async def _announce(work: Work, canvas: Canvas, batch_id: str) -> int:
    """One seq and one event for all that changed; none where nothing did."""
    if not canvas.has_changed:
        return canvas.book.seq
    if sum(element.weight for element in canvas.changed.values()) > EVENT_SIZE:
        raise TooLarge("So much cannot be changed at once; change it in several batches.", "input", "operations")
    if canvas.growth > 0 and canvas.book.weight + canvas.growth > WEIGHT_LIMIT:
        raise LimitReached("The book is full: its texts and drawings take too much.", "input", "operations")
    with work.session.no_autoflush:
        # Or each element would be written once without its seq, and once with it.
        seq = await work.number(canvas.book, grown=canvas.growth)
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
                OperationStatus(str(result["status"])),
                element=found.get(result.get("element") or ""),
                page=found.get(result.get("page") or ""),
            )
            for result in before.results
        ],
    )
