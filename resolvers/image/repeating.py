"""Mutations that carry a batchId: done once, and answered as the first time."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from models import Batch
from models.refusal import Conflict
from resolvers.access import Seat
from resolvers.work import Work


async def once(work: Work, seat: Seat, batch_id: str | None, asked: Any, do: Callable[[], Awaitable[int]]) -> int:
    """The seq that it came to. Raises Conflict where something else was asked for with this batchId."""
    if batch_id is None:
        return await do()
    digest = hashlib.sha256(orjson.dumps(asked)).digest()
    key = (seat.book.id, seat.member.user_id, batch_id)
    before = await work.session.get(Batch, key)
    if before is not None:
        if before.digest != digest:
            raise Conflict("This batchId was used for something else.", "batchId")
        return before.seq
    seq = await do()
    book_id, user_id, _ = key
    batch = Batch(book_id=book_id, user_id=user_id, batch_id=batch_id, digest=digest, seq=seq, results=[], at=work.now)
    work.session.add(batch)
    return seq
