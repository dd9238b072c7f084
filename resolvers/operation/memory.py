"""What need not be read again: a book that this process alone has changed since it did."""

from time import monotonic
from uuid import UUID

from resolvers.operation.canvas import Canvas
from resolvers.operation.needs import Needs
from resolvers.operation.reading import Reading
from resolvers.operation.row import ElementRow
from resolvers.turns import Memory, Turn


def remembered(turn: Turn, needs: Needs, *, book_id: UUID, viewer_id: UUID) -> Reading | None:
    """What a batch needs, if all of it is remembered.

    Under its seq alone, since whatever a batch is decided by raises that: the book, the viewer's role, every row.
    """
    memory = turn.memory
    if memory is None or not memory.is_good or not needs.are_elements_alone:
        return None
    role = memory.roles.get(viewer_id)
    if role is None or not needs.elements <= memory.elements.keys():
        return None
    return Reading(
        book_id=str(book_id),
        seq=memory.seq,
        epoch=memory.epoch,
        weight=memory.weight,
        role=role,
        is_remembered=True,
        # A batch changes them.
        elements={id: ElementRow({**memory.elements[id].__dict__}) for id in needs.elements},
    )


def remember(turn: Turn, canvas: Canvas, viewer_id: UUID, *, seq: int) -> None:
    """The book as the batch has left it."""
    reading, memory = canvas.reading, turn.memory
    follows = memory is not None and (memory.seq, memory.epoch) == (reading.seq, reading.epoch)
    if memory is None or not follows:
        memory = turn.memory = Memory(epoch=reading.epoch, since=monotonic())
    elif not reading.is_remembered:
        memory.trusted, memory.since = True, monotonic()
    memory.seq, memory.weight = seq, reading.weight + canvas.growth
    if reading.role is not None:
        memory.roles[viewer_id] = reading.role
    memory.learn(dict.fromkeys(canvas.removed))
    memory.learn({id: None if row.deleted_at else row for id, row in canvas.known.elements.items() if canvas.has(row)})
