"""Bytes that no image has any more: their row goes first, and a job deletes them after it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlmodel import col

from models import Image, StoredObject
from models.object import keys_of
from resolvers.jobs.kind import Kind
from resolvers.jobs.run import Run
from resolvers.work import Work

#: Objects whose removal is one job.
OBJECTS: Final = 200


@dataclass(frozen=True)
class Remove:
    """Objects whose rows are gone."""

    objects: list[UUID]


async def remove(run: Run, asked: Remove) -> None:
    """Deletes their bytes; those of one that is still a row's are left alone."""
    async with run.work() as work:
        kept = await work.session.scalars(select(col(StoredObject.id)).where(col(StoredObject.id).in_(asked.objects)))
        gone = {*asked.objects} - {*kept}
    await run.parts.objects.delete(keys_of(gone))


async def release(work: Work, object_ids: Collection[UUID]) -> list[UUID]:
    """Lets go of those that no image has any more, and owes the removal of their bytes; which these are.

    To be called once the rows of the images are deleted, in the same work.
    """
    # Locked before they are looked at: an image that is given one at this moment is seen, or finds it gone.
    some = select(col(StoredObject.id)).where(col(StoredObject.id).in_(object_ids))
    await work.session.execute(some.order_by(col(StoredObject.id)).with_for_update())
    has_image = select(1).where(col(Image.object_id) == StoredObject.id).exists()
    released = await work.session.scalars(
        delete(StoredObject)
        .where(col(StoredObject.id).in_(object_ids), ~has_image)
        .returning(col(StoredObject.id))
        .execution_options(synchronize_session=False)
    )
    gone = sorted(released)
    if gone:
        parts = (gone[start : start + OBJECTS] for start in range(0, len(gone), OBJECTS))
        await work.owe(*(REMOVE.job(Remove(part)) for part in parts))
    return gone


REMOVE: Final = Kind("objects.remove", Remove, remove, timeout=120.0, tries=20, priority=80)
