"""Placements of images that go: let go of first, or the foreign key would have all of them go in one statement."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from models import Element, Image
from resolvers.work import Work

#: Placements that are let go of at once.
PLACEMENTS: Final = 2_000


async def unplaced(work: Work, image_ids: Collection[UUID], *conditions: Any) -> bool:
    """Takes the images out of some of those that are so, in books that are locked; whether that was all of them."""
    some = select(col(Element.id)).join(Image, col(Element.image_id) == Image.id)
    placed: Any = await work.session.execute(
        update(Element)
        .where(col(Element.id).in_(some.where(col(Image.id).in_(image_ids), *conditions).limit(PLACEMENTS)))
        .values(image_id=None)
        .execution_options(synchronize_session=False)
    )
    return int(placed.rowcount) < PLACEMENTS
