"""What is said of a photo."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Image, ImageStatus, Role
from models.event import ImagesChanged
from models.image import checked_caption
from models.refusal import Forbidden, Gone, NotFound
from resolvers import access
from resolvers.context import Context
from resolvers.image.several import is_theirs, locked


async def change(context: Context, id: UUID | None, changes: dict[str, Any]) -> tuple[Image, int]:
    """Changes the fields that are given, contributors their own photos'; with the book's seq after it."""
    checked = dict(changes)
    if "caption" in changes:
        checked["caption"] = checked_caption(changes["caption"], "input", "caption")
    viewer_id = context.viewer.user_id
    async with context.work() as work:
        book_id = await work.session.scalar(
            select(col(Image.book_id)).where(col(Image.id) == id, access.image_is_kept(viewer_id))
        )
        if book_id is None:
            raise NotFound
        seat = await access.book(work, viewer_id, book_id, Role.CONTRIBUTOR, "input", "id")
        [image] = await locked(work, seat, [id])
        if not is_theirs(image, seat):
            raise Forbidden("Somebody else uploaded this one.")
        if image.deleted_at is not None:
            raise Gone("The photo is in the trash.", "input", "id")
        changed = {name: value for name, value in checked.items() if getattr(image, name) != value}
        for name, value in changed.items():
            setattr(image, name, value)
        # One whose bytes are not there yet is nothing to the others.
        if changed and image.status != ImageStatus.PENDING:
            await work.announce(seat.book, ImagesChanged(book_id=book_id, images=[image]))
        await work.show({"im": [image.id]})
    return image, seat.book.seq
