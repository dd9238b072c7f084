"""The event of a batch."""

from typing import Any, Final, cast

from models.book import WEIGHT_LIMIT
from models.event import CanvasChanged
from models.refusal import LimitReached, TooLarge
from resolvers.operation.batch import Batch
from resolvers.operation.canvas import Canvas

#: Bytes, about, of the elements that one event tells of: all of it is written into the journal, and read from it.
EVENT_SIZE: Final = 16 * 2**20


def told(canvas: Canvas, batch: Batch, seq: int) -> tuple[str, bytes]:
    """The one event of all that changed: its kind and its payload. Raises TooLarge, LimitReached."""
    if sum(element.weight for element in canvas.changed.values()) > EVENT_SIZE:
        raise TooLarge("So much cannot be changed at once; change it in several batches.", "input", "operations")
    if canvas.growth > 0 and canvas.reading.weight + canvas.growth > WEIGHT_LIMIT:
        raise LimitReached("The book is full: its texts and drawings take too much.", "input", "operations")
    stamp = {"seq": seq, "updated_at": canvas.now, "updated_by": canvas.actor_id}
    for element in (*canvas.changed.values(), *canvas.made.values()):
        element.__dict__.update(stamp)
    return CanvasChanged(
        book_id=batch.book_id,
        elements=cast(Any, canvas.changed.values()),
        deleted_element_ids=cast(Any, canvas.removed),
        pages=cast(Any, canvas.changed_pages.values()),
        deleted_page_ids=cast(Any, canvas.removed_pages),
    ).written()
