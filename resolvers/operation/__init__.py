"""The one way into a canvas: all operations of a batch or none, one seq, one event."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import UUID

import asyncpg

from models import Role
from models.operation import BATCH, CREATES, Operation, checked_batch_id, digest
from models.refusal import Forbidden, Gone, Invalid, NotFound, Refusal
from resolvers.context import Context
from resolvers.operation import elements, pages
from resolvers.operation.batch import Applied, Batch, clashed, repeated, rows_of, show
from resolvers.operation.canvas import Canvas, Unread
from resolvers.operation.memory import remember, remembered
from resolvers.operation.needs import Needs
from resolvers.operation.outcome import Outcome
from resolvers.operation.reading import Reading, lock, read
from resolvers.operation.telling import told
from resolvers.operation.writing import Answered, Told, keep, write
from resolvers.turns import Turn
from storage.channels import book_channel
from storage.connections import Connection

__all__ = ["Applied", "apply"]

#: How often a batch is tried that lost a race against one of another book.
TRIES: Final = 3
#: SQLSTATE of a unique violation, of a reference to what has just gone, and of a deadlock.
_RACES: Final = ("23505", "23503", "40P01")
_VERBS: Final[dict[str, Callable[[Canvas, Operation], Outcome]]] = {
    "createPage": pages.create,
    "updatePage": pages.update,
    "deletePage": pages.delete,
    "updateElement": elements.update,
    "moveElement": elements.move,
    "deleteElement": elements.delete,
    **dict.fromkeys(CREATES, elements.create),
}


class _Moved(Exception):
    """Somebody else changed the book between our reading and our writing."""


async def apply(context: Context, *, book_id: UUID | None, batch_id: str, operations: list[Operation]) -> Applied:
    """Applies the batch, or answers as the first time when it was applied before.

    Raises the refusal of the operation that cannot be done, with its path; then nothing has changed.
    """
    viewer_id = context.viewer.user_id
    least, most = BATCH
    if not least <= len(operations) <= most:
        raise Invalid(f"A batch has {least} to {most} operations.", "input", "operations")
    checked_batch_id(batch_id, "input", "batchId")
    if book_id is None:
        raise NotFound
    answer = context.answer if context.answer is not None and context.answer.asks else None
    batch = Batch(context, viewer_id, book_id, batch_id, operations, digest(operations), answer)
    async with context.parts.turns.of(book_id) as turn:
        try:
            # Nearly always nobody else changes the book just now.
            return await _tried(batch, turn, locked=False)
        except _Moved:
            # Where another process does, who waits for the lock is sure to get on.
            return await _tried(batch, turn, locked=True)


async def _tried(batch: Batch, turn: Turn, *, locked: bool) -> Applied:
    for tries_left in reversed(range(TRIES)):
        try:
            async with batch.context.parts.database.connection() as connection:
                if locked or (batch.answer is not None and not batch.answer.is_own):
                    async with connection.transaction():
                        if locked:
                            await lock(connection, book_id=batch.book_id, viewer_id=batch.viewer_id)
                        applied, canvas = await _applied(connection, batch, turn)
                else:
                    applied, canvas = await _applied(connection, batch, turn)
            if canvas is not None:
                hint = f"{canvas.reading.epoch}:{applied.seq}"
                batch.context.parts.announcements.tell(book_channel(batch.book_id), hint)
                remember(turn, canvas, batch.viewer_id, seq=applied.seq)
            return applied
        except asyncpg.PostgresError as error:
            turn.memory = None
            # Another book took the same clientId at the same time; now that it has, it is seen.
            if error.sqlstate not in _RACES or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


async def _applied(connection: Connection, batch: Batch, turn: Turn) -> tuple[Applied, Canvas | None]:
    """Reads, decides and writes; with the canvas where it has changed. Raises _Moved, with nothing written."""
    needs = Needs.of(batch.operations)
    reading = remembered(turn, needs, book_id=batch.book_id, viewer_id=batch.viewer_id)
    if reading is not None:
        # Only what is written holds the book to it: whatever else comes of it is decided anew.
        with suppress(Refusal, Unread, _Moved):
            canvas, outcomes = _decided(batch, reading, needs)
            if canvas.has_changed and not canvas.clashes:
                return await _written(connection, batch, canvas, outcomes), canvas
        needs = Needs.of(batch.operations)
    while True:
        reading = _admitted(
            await read(connection, needs, book_id=batch.book_id, viewer_id=batch.viewer_id, batch_id=batch.batch_id)
        )
        if reading.before is not None:
            return await repeated(connection, batch, *reading.before), None
        try:
            canvas, outcomes = _decided(batch, reading, needs)
            break
        except Unread:
            continue  # with needs that have grown, which ends with the book
    if canvas.clashes:
        return await clashed(connection, batch, canvas.clashes), None
    if canvas.has_changed:
        return await _written(connection, batch, canvas, outcomes), canvas
    await keep(connection, _answered(batch, canvas, outcomes), seq=reading.seq)
    shown = [outcome.shown() for outcome in outcomes]
    await show(connection, batch, shown)
    return Applied(reading.seq, shown), None


def _decided(batch: Batch, reading: Reading, needs: Needs) -> tuple[Canvas, list[Outcome]]:
    """Raises the refusal of an operation, and Unread."""
    canvas = Canvas(reading, needs, actor_id=str(batch.viewer_id), at=batch.context.now)
    return canvas, [_VERBS[operation.verb](canvas, operation) for operation in batch.operations]


async def _written(connection: Connection, batch: Batch, canvas: Canvas, outcomes: list[Outcome]) -> Applied:
    """Raises _Moved, with nothing written."""
    reading = canvas.reading
    seq = reading.seq + 1
    kind, payload = told(canvas, batch, seq)
    shown = [outcome.shown() for outcome in outcomes]
    # What is in the rows themselves is known, and shown by the statement that writes them.
    answer = batch.answer if batch.answer is not None and batch.answer.is_own else None
    told_ = Told(answer, rows_of(shown)) if answer and not answer.is_known else None
    answered = _answered(batch, canvas, outcomes)
    if not await write(connection, answered, canvas, told_, seq=reading.seq, kind=kind, payload=payload):
        raise _Moved
    if answer is None:
        await show(connection, batch, shown)
    elif answer.is_known:
        answer.know(rows_of(shown))
    return Applied(seq, shown)


def _answered(batch: Batch, canvas: Canvas, outcomes: list[Outcome]) -> Answered:
    return Answered(
        book_id=batch.book_id,
        user_id=batch.viewer_id,
        batch_id=batch.batch_id,
        digest=batch.digest,
        results=[outcome.kept() for outcome in outcomes],
        at=canvas.at,
    )


def _admitted(reading: Reading | None) -> Reading:
    """As `access.book` lets in: NotFound for who may not see it, Forbidden for who may not paint, Gone in the trash."""
    if reading is None:
        raise NotFound
    if reading.role is None:
        raise Forbidden("Only its members may do this.")
    if reading.deleted_at is not None:
        raise Gone("The book is in the trash.", "input", "bookId")
    if not Role(reading.role).includes(Role.EDITOR):
        raise Forbidden(f"This needs the role {Role.EDITOR}; yours is {reading.role}.")
    return reading
