"""What is asked of the database for a batch, in SQL; each is made once."""

from functools import cache
from typing import Any, Final

from sqlalchemy import ARRAY, Uuid, and_, any_, bindparam, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from models import Batch, Book, Element, Image, Member, Page
from resolvers import access
from storage.statement import Statement, compiled

_BOOK: Final[Any] = bindparam("book_id", type_=Uuid())
_VIEWER: Final[Any] = bindparam("viewer_id", type_=Uuid())


# A batch needs some of ten things: there are only so many keys.
@cache
def spoken_of(parts: tuple[str, ...]) -> Statement:
    """Reads those parts alone: one that is not asked for costs nothing."""
    place, first = aliased(Member), aliased(Page)
    first_page = (
        select(col(first.id))
        .where(col(first.book_id) == _BOOK, col(first.deleted_at).is_(None))
        .order_by(col(first.order_key), col(first.id))
        .limit(1)
        .scalar_subquery()
    )
    is_first = [col(Page.id) == first_page] if "first_page" in parts else []
    named = [_among(Page.id, "pages")] if "pages" in parts else []
    every = [Page.of(_BOOK)] if "all_pages" in parts else []
    read: dict[str, Any] = {}
    if "elements" in parts:
        read["elements"] = _rows(Element, _among(Element.id, "elements"))
    if is_first or named or every:
        read["pages"] = _rows(Page, or_(*is_first, *named, *every))
    if "images" in parts:
        read["images"] = select(func.json_object_agg(col(Image.id), col(Image.status))).where(
            _among(Image.id, "images"), Image.is_of(_BOOK)
        )
    if is_first:
        read["first_page"] = select(first_page)
    if is_first or "tops" in parts:
        top = select(func.max(col(Element.order_key))).where(
            col(Element.page_id) == Page.id, col(Element.deleted_at).is_(None)
        )
        highest = [_among(Page.id, "tops")] if "tops" in parts else []
        read["tops"] = select(func.json_object_agg(col(Page.id), top.scalar_subquery())).where(or_(*is_first, *highest))
    if "stacks" in parts or "moved" in parts:
        read["stacks"] = _stacks(parts)
    if "cleared" in parts:
        read["weights"] = select(func.json_object_agg(col(Element.id), _weight())).where(
            Element.of(_BOOK), _among(Element.page_id, "cleared")
        )
    if "count" in parts:
        read["count"] = select(func.count()).select_from(Element).where(Element.of(_BOOK))
    return compiled(
        select(
            col(Book.seq),
            col(Book.epoch),
            col(Book.weight),
            col(Book.deleted_at),
            col(place.role),
            col(Batch.digest),
            col(Batch.seq).label("batch_seq"),
            col(Batch.results),
            *(part.scalar_subquery().label(name) for name, part in read.items()),
        )
        .outerjoin(place, and_(col(place.book_id) == Book.id, col(place.user_id) == _VIEWER))
        .outerjoin(
            Batch,
            and_(
                col(Batch.book_id) == Book.id,
                col(Batch.user_id) == _VIEWER,
                col(Batch.batch_id) == bindparam("batch_id"),
            ),
        )
        .where(col(Book.id) == _BOOK, access.book_is_seen(_VIEWER))
    )


def _stacks(parts: tuple[str, ...]) -> Any:
    moved = aliased(Element)
    pages: list[Any] = [bindparam("stacks", type_=ARRAY(Uuid()))] if "stacks" in parts else []
    if "moved" in parts:
        pages.append(func.array(select(col(moved.page_id)).where(_among(moved.id, "moved")).scalar_subquery()))
    # One array, rather than one condition or another: so they are found by their index.
    theirs = col(Element.page_id) == any_(func.array_cat(*pages) if len(pages) > 1 else pages[0])
    stack = (
        select(
            func.json_build_array(
                col(Element.page_id), func.json_agg(col(Element.order_key)), func.json_agg(col(Element.id))
            ).label("stack")
        )
        .where(Element.of(_BOOK), theirs)
        .group_by(col(Element.page_id))
        .subquery()
    )
    return select(func.json_agg(stack.c.stack))


def _weight() -> Any:
    """`Element.weight`, for elements that are not to be read."""
    return (
        500
        + 2 * func.coalesce(func.length(col(Element.content)), 0)
        + 40 * func.coalesce(func.jsonb_array_length(col(Element.points)), 0)
    )


def _rows(model: Any, condition: Any) -> Any:
    return select(func.json_agg(model.__table__.table_valued())).where(condition)


def _among(column: Any, name: str) -> Any:
    return column == any_(bindparam(name, type_=ARRAY(Uuid())))


@cache
def alive() -> Statement:
    return compiled(
        select(
            _rows(Element, and_(_among(Element.id, "elements"), col(Element.deleted_at).is_(None))).scalar_subquery(),
            _rows(Page, and_(_among(Page.id, "pages"), col(Page.deleted_at).is_(None))).scalar_subquery(),
        )
    )


@cache
def held() -> Statement:
    return compiled(
        select(col(Book.id))
        .join(Member, col(Member.book_id) == Book.id)
        .where(col(Book.id) == _BOOK, col(Member.user_id) == _VIEWER)
        .with_for_update(of=[Book, Member])
    )
