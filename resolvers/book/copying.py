"""Books made of others: the same photos, pages and elements, under ids of their own."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Insert, Table, Uuid, func, insert, literal, select
from sqlmodel import col

from models import Book, Element, Image, ImageStatus, Page, Role
from models.book import checked_title
from models.id import new_id
from resolvers import access
from resolvers.book.making import add, checked_client_id, made_before, once
from resolvers.context import Context
from resolvers.image import quota
from resolvers.work import Work

#: What each row has become, by what it was.
Ids = dict[UUID, UUID]


async def duplicate(context: Context, id: UUID | None, *, title: str | None, client_id: str | None) -> Book:
    """A private copy, which the viewer owns. The same clientId again gives the first one.

    For owners: who owns a book is given the originals of its photos, whoever put them there. Raises LimitReached for
    who has no room for them.
    """
    viewer_id = context.viewer.user_id
    new = Book(
        title="" if title is None else checked_title(title, "title"),
        created_by=viewer_id,
        client_id=checked_client_id(client_id, "clientId"),
    )

    # Also when what was copied is in the trash by now.
    if new.client_id is not None and (before := await made_before(context, new)) is not None:
        return before

    async def fill(work: Work) -> None:
        # Locked: nobody changes it while it is copied.
        seat = await access.book(work, viewer_id, id, Role.OWNER, "id")
        new.title = new.title or seat.book.title
        new.description, new.weight = seat.book.description, seat.book.weight
        await add(work, new, viewer_id, context.parts.quotas, "id")
        await _fill(work, new, seat.book)
        await quota.hold(work, new, viewer_id, context.parts.quotas, "id")

    return await once(context, new, fill, "clientId")


async def _fill(work: Work, new: Book, old: Book) -> None:
    is_whole = (col(Image.book_id) == old.id, col(Image.deleted_at).is_(None), col(Image.status) == ImageStatus.READY)
    images = _renamed(await work.session.scalars(select(col(Image.id)).where(*is_whole)))
    pages = _renamed(await work.session.scalars(select(col(Page.id)).where(Page.of(old.id))))
    elements = _renamed(await work.session.scalars(select(col(Element.id)).where(Element.of(old.id))))
    made: dict[str, Any] = {"book_id": new.id, "created_at": work.now}
    # What it has in the bucket stays where it is.
    await work.session.execute(_copied(Image, images, made | {"uploader_id": new.created_by}))
    await work.session.execute(_copied(Page, pages, made))
    stamp = {"seq": 0, "created_by": new.created_by, "updated_by": new.created_by, "updated_at": work.now}
    await work.session.execute(_copied(Element, elements, made | stamp, page_id=pages, image_id=images))
    new.cover_image_id = images.get(old.cover_image_id) if old.cover_image_id else None
    await work.session.flush()


def _renamed(ids: Iterable[UUID]) -> Ids:
    """In the same order as before, which decides where order keys are equal, and which photo is newer."""
    old = sorted(ids)
    return dict(zip(old, sorted(new_id() for _ in old), strict=True))


def _copied(model: Any, ids: Ids, other: dict[str, Any], **referring: Ids) -> Insert:
    """Copies these rows; `referring` columns name the copy of what they named, or nothing where there is none."""
    table: Table = model.__table__
    names = _pairs(ids)
    columns: dict[str, Any] = {column.name: column for column in table.columns} | {
        name: literal(value, table.c[name].type) for name, value in other.items()
    }
    source = table.join(names, names.c.old == table.c.id)
    columns["id"] = names.c.new
    for name, renamed in referring.items():
        pairs = _pairs(renamed)
        source = source.outerjoin(pairs, pairs.c.old == table.c[name])
        columns[name] = pairs.c.new
    # Photos by their objects, as whoever lets go of these locks them.
    order = table.c.object_id if model is Image else names.c.old
    return insert(table).from_select([*columns], select(*columns.values()).select_from(source).order_by(order))


def _pairs(ids: Ids) -> Any:
    arrays = (literal([*each], ARRAY(Uuid)) for each in (ids.keys(), ids.values()))
    return func.unnest(*arrays).table_valued("old", "new").render_derived(with_types=False).alias()
