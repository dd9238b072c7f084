"""What others see of it: in which books, and that it has changed."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, or_, select, union
from sqlmodel import col

from models import Book, Element, Image, Member
from models.event import MembersChanged, MuchChanged
from resolvers.work import Work


@dataclass(frozen=True, slots=True)
class Traces:
    """The books in which others see something of a user: in `gave` what they made, in `seats` only that they belong."""

    gave: frozenset[UUID]
    seats: frozenset[UUID]


async def traces(work: Work, user_id: UUID, unseen: Collection[UUID] = ()) -> Traces:
    """`unseen` are books that nobody sees any more."""
    made = union(
        select(col(Element.book_id)).where(or_(col(Element.created_by) == user_id, col(Element.updated_by) == user_id)),
        select(col(Image.book_id)).where(col(Image.uploader_id) == user_id),
    )
    gave = frozenset(await work.session.scalars(made)).difference(unseen)
    seats = await work.session.scalars(select(col(Member.book_id)).where(col(Member.user_id) == user_id))
    return Traces(gave, frozenset(seats).difference(gave, unseen))


async def tell(work: Work, seen: Traces, was: UUID, now: UUID | None) -> None:
    """One event a book: where much may look different, that it is to be read anew; else who belongs to it."""
    ids = seen.gave | seen.seats
    books = await work.session.scalars(select(Book).where(col(Book.id).in_(ids)).order_by(col(Book.id)))
    places = await work.session.scalars(
        select(Member).where(and_(col(Member.book_id).in_(ids), col(Member.user_id) == now))
    )
    members = {place.book_id: place for place in places} if now else {}
    for book in books.all():
        if book.id in seen.gave:
            await work.announce(book, MuchChanged(book_id=book.id))
        else:
            member = [members[book.id]] if book.id in members else []
            await work.announce(book, MembersChanged(book_id=book.id, members=member, removed_user_ids=[was]))
    everybody = select(col(Member.user_id), col(Member.book_id)).where(col(Member.book_id).in_(ids))
    for user_id, book_id in await work.session.execute(everybody):
        work.tell([user_id], book_id)
