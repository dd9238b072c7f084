"""What was put with a ticket, and for whom it waits."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_, or_, select
from sqlmodel import col

from models import Image, ImageStatus
from resolvers.context import Context
from resolvers.jobs.purge import has_expired
from storage.sweeping import id_of

QUARANTINE: Final = "quarantine/"


async def leftovers(context: Context, keys: Sequence[str]) -> list[str]:
    """Those that no image waits for any more."""
    # What is named otherwise was put by no ticket.
    ids = {key: id for key in keys if (id := id_of(key.removeprefix(QUARANTINE)))}
    is_waiting = or_(
        col(Image.status) == ImageStatus.PROCESSING, and_(col(Image.status) == ImageStatus.PENDING, ~has_expired())
    )
    async with context.reading() as session:
        waiting = {*await session.scalars(select(col(Image.id)).where(col(Image.id).in_(ids.values()), is_waiting))}
    return [key for key in keys if ids.get(key) not in waiting]
