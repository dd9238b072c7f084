"""Photos that have come: from here on it is owed to look at them."""

import asyncio
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from models import Image, ImageStatus, Role
from models.event import ImagesChanged
from models.id import inside
from models.image import FILES_LIMIT
from models.refusal import Forbidden, Invalid, NotFound, Refusals
from resolvers import access
from resolvers.context import Context
from resolvers.image import quota
from resolvers.jobs import photos
from resolvers.work import Work


async def complete(context: Context, image_ids: list[str]) -> tuple[list[Image], int]:
    """Has the bytes that were put looked at; a worker says how that ended. Repeating it changes nothing.

    Raises Invalid for images of several books or bytes that are not there yet, NotFound, Forbidden for others' images,
    LimitReached where there is no room any more: it is held until an image expires.
    """
    if not 1 <= len(image_ids) <= FILES_LIMIT:
        raise Invalid(f"1 to {FILES_LIMIT} images at once.", "imageIds")
    images = await _mine(context, image_ids)
    await _are_there(context, images)
    viewer_id = context.viewer.user_id
    ids = [image.id for image in images]
    async with context.work() as work:
        seat = await access.book(work, viewer_id, images[0].book_id, Role.CONTRIBUTOR, "imageIds")
        begun = await _begin(work, ids)
        if begun:
            await quota.hold(work, seat.book, viewer_id, context.parts.quotas, "imageIds")
            await work.announce(seat.book, ImagesChanged(book_id=seat.book.id, images=begun))
            await work.owe(*await photos.developing(work, viewer_id, begun))
        found = {image.id: image for image in await work.session.scalars(select(Image).where(col(Image.id).in_(ids)))}
        for place, id in enumerate(ids):
            if id not in found:
                raise NotFound("There is no such image.", "imageIds", place)
        await work.show({"im": ids})
    return [found[id] for id in ids], seat.book.seq


async def _mine(context: Context, image_ids: list[str]) -> list[Image]:
    """The image of each id, all of one book. Raises NotFound, Forbidden, Invalid."""
    async with context.reading() as session:
        ids = [inside("im", id) for id in image_ids]
        rows = await session.scalars(
            select(Image).where(col(Image.id).in_(ids), access.image_is_seen(context.viewer.user_id))
        )
        found = {image.id: image for image in rows}
    images = []
    for place, id in enumerate(ids):
        if id is None or id not in found:
            raise NotFound("There is no such image.", "imageIds", place)
        images.append(found[id])
    for place, image in enumerate(images):
        if image.uploader_id != context.viewer.user_id:
            raise Forbidden("Somebody else uploads this one.", "imageIds", place)
        if image.book_id != images[0].book_id:
            raise Invalid("All of one book.", "imageIds", place)
    return images


async def _are_there(context: Context, images: list[Image]) -> None:
    """Raises Refusals for what was not put into the bucket yet."""
    waiting = [(place, image) for place, image in enumerate(images) if image.status == ImageStatus.PENDING]
    heads = await asyncio.gather(*(context.parts.objects.head(image.upload_key) for _, image in waiting))
    absent = [
        Invalid("Its bytes are not in the bucket yet.", "imageIds", place)
        for (place, _), head in zip(waiting, heads, strict=True)
        if head is None
    ]
    if absent:
        raise Refusals(list(absent))


async def _begin(work: Work, ids: list[UUID]) -> list[Image]:
    """Those that waited, and do so no more, in this order."""
    begun = await work.session.scalars(
        update(Image)
        .where(
            col(Image.id).in_(ids),
            col(Image.deleted_at).is_(None),
            col(Image.status) == ImageStatus.PENDING,
        )
        .values(status=ImageStatus.PROCESSING, status_at=work.now)
        .returning(Image)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(begun, key=lambda image: ids.index(image.id))
