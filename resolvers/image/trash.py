"""Photos that are thrown away, and brought back: with their placements, in one event."""

from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlmodel import col

from models import Book, Element, Event, Image, ImageStatus, Page
from models.book import ELEMENTS_LIMIT, TRASH_LIFETIME, WEIGHT_LIMIT
from models.element import BARE_WEIGHT
from models.event import PLACEMENTS, Fact, ImagesChanged, MuchChanged
from models.operation import checked_batch_id
from models.refusal import Gone, LimitReached
from resolvers.access import Seat
from resolvers.context import Context
from resolvers.image.repeating import once
from resolvers.image.several import several
from resolvers.work import Work


async def delete(context: Context, image_ids: list[str], batch_id: str | None) -> tuple[list[Image], int]:
    """Into the trash; those that are there already stay. Raises Conflict for a batchId that meant something else."""
    if batch_id is not None:
        checked_batch_id(batch_id, "batchId")

    async def throw(work: Work, seat: Seat, images: list[Image]) -> int:
        thrown = [image for image in images if image.deleted_at is None]
        asked = ["deleteImages", *sorted(str(image.id) for image in images)]
        return await once(work, seat, batch_id, asked, lambda: _thrown(work, seat.book, thrown, batch_id))

    return await several(context, image_ids, throw)


async def restore(context: Context, image_ids: list[str]) -> tuple[list[Image], int]:
    """Out of the trash, with the placements that went with them and whose pages are still there.

    Raises Gone after 30 days, LimitReached where the book has no room for them any more.
    """

    async def take_out(work: Work, seat: Seat, images: list[Image]) -> int:
        for place, image in enumerate(images):
            if image.deleted_at is not None and image.deleted_at <= work.now - TRASH_LIFETIME:
                raise Gone("It was in the trash for too long.", "ids", place)
        back = [image for image in images if image.deleted_at is not None]
        if not back:
            return seat.book.seq
        seq = await _taken_out(work, seat.book, back)
        await _fits(work, seat.book, most=context.parts.quotas.book_images)
        return seq

    return await several(context, image_ids, take_out)


async def _thrown(work: Work, book: Book, images: list[Image], batch_id: str | None) -> int:
    if not images:
        return book.seq
    ids = [image.id for image in images]
    stamp = await _stamp(work, book)
    gone = await work.session.scalars(
        update(Element)
        .where(col(Element.image_id).in_(ids), Element.of(book.id))
        # The very moment at which the image goes: by that they are known when it comes back.
        .values(deleted_at=work.now, **stamp)
        .returning(col(Element.id))
        .execution_options(synchronize_session=False)
    )
    element_ids = [*gone]
    for image in images:
        image.deleted_at = work.now
    book.weight -= BARE_WEIGHT * len(element_ids)
    fact = ImagesChanged(book_id=book.id, deleted_image_ids=ids, deleted_element_ids=element_ids)
    return await _told(work, book, fact, ids, batch_id)


async def _taken_out(work: Work, book: Book, images: list[Image]) -> int:
    ids = [image.id for image in images]
    stamp = await _stamp(work, book)
    back = await work.session.scalars(
        update(Element)
        .where(
            col(Element.book_id) == book.id,
            col(Element.image_id) == Image.id,
            col(Image.id).in_(ids),
            col(Element.deleted_at) == Image.deleted_at,
            exists().where(col(Page.id) == Element.page_id, col(Page.deleted_at).is_(None)),
        )
        .values(deleted_at=None, **stamp)
        .returning(col(Element.id))
        .execution_options(synchronize_session=False)
    )
    element_ids = [*back]
    for image in images:
        image.deleted_at = None
    book.weight += BARE_WEIGHT * len(element_ids)
    return await _told(work, book, await _brought_back(work, book, images, element_ids), ids, None)


async def _brought_back(work: Work, book: Book, images: list[Image], element_ids: list[UUID]) -> Fact:
    # Not even read where they have no room in an event: that would hold everybody up.
    if len(element_ids) > PLACEMENTS:
        return MuchChanged(book_id=book.id)
    elements = [*await work.session.scalars(select(Element).where(col(Element.id).in_(element_ids)))]
    # One whose bytes are not there yet is nothing to the others.
    told = [image for image in images if image.status != ImageStatus.PENDING]
    return ImagesChanged(book_id=book.id, images=told, elements=elements)


async def _fits(work: Work, book: Book, *, most: int) -> None:
    """Raises LimitReached where the book holds more than it may, now that they are back: `most` images."""
    await work.session.flush()
    images = select(func.count()).where(
        col(Image.book_id) == book.id, col(Image.deleted_at).is_(None), col(Image.status) != ImageStatus.FAILED
    )
    if (await work.session.scalar(images) or 0) > most:
        raise LimitReached(f"A book has at most {most:,} images.", "ids")
    elements = select(func.count()).select_from(Element).where(Element.of(book.id))
    if (await work.session.scalar(elements) or 0) > ELEMENTS_LIMIT:
        raise LimitReached(f"A book has at most {ELEMENTS_LIMIT:,} elements.", "ids")
    if book.weight > WEIGHT_LIMIT:
        raise LimitReached("The book is full: its texts and drawings take too much.", "ids")


async def _stamp(work: Work, book: Book) -> dict[str, Any]:
    """What the elements say of this change, which has its number from here on."""
    return {"seq": await work.number(book), "updated_at": work.now, "updated_by": work.actor_id}


async def _told(work: Work, book: Book, fact: Fact, image_ids: list[UUID], batch_id: str | None) -> int:
    """Writes the event of a change that has its number already; its seq."""
    if book.cover_image_id in image_ids:
        await work.tell_members(book.id)
    kind, payload = fact.told()
    work.session.add(
        Event(
            book_id=book.id,
            seq=book.seq,
            kind=kind,
            payload=payload,
            actor_id=work.actor_id,
            batch_id=batch_id,
            at=work.now,
        )
    )
    return book.seq
