"""The doors. Every row is reached through its own, and every condition for it stands here once.

A condition is SQL, so that a row and a whole statement can be held to the same one.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from models import Book, Element, Image, Invitation, Member, Page, Role, Session, User, Visibility
from models.refusal import Forbidden, Gone, NotFound
from resolvers.work import Work


def is_member(viewer_id: UUID | None, book_id: Any = Book.id) -> ColumnElement[bool]:
    """That the viewer belongs to the book."""
    return exists(select(1).where(col(Member.book_id) == book_id, col(Member.user_id) == viewer_id)).correlate_except(
        Member
    )


def owns(viewer_id: UUID | None, book_id: Any = Book.id) -> ColumnElement[bool]:
    """That the viewer is an owner of the book."""
    return exists(
        select(1).where(
            col(Member.book_id) == book_id,
            col(Member.user_id) == viewer_id,
            col(Member.role) == Role.OWNER,
        )
    ).correlate_except(Member)


def book_is_seen(viewer_id: UUID | None) -> ColumnElement[bool]:
    """That the viewer may read the book: members always, anyone a public one that is not in the trash."""
    return or_(
        is_member(viewer_id),
        and_(col(Book.visibility) == Visibility.PUBLIC, col(Book.deleted_at).is_(None)),
    )


def within_seen_book(book_id: Any, viewer_id: UUID | None) -> ColumnElement[bool]:
    """That what hangs on the book may be read with it."""
    return exists(select(1).where(col(Book.id) == book_id, book_is_seen(viewer_id))).correlate_except(Book)


def page_is_seen(viewer_id: UUID | None) -> ColumnElement[bool]:
    return and_(col(Page.deleted_at).is_(None), within_seen_book(Page.book_id, viewer_id))


def element_is_seen(viewer_id: UUID | None) -> ColumnElement[bool]:
    return and_(col(Element.deleted_at).is_(None), within_seen_book(Element.book_id, viewer_id))


def image_is_seen(viewer_id: UUID | None) -> ColumnElement[bool]:
    return and_(
        col(Image.deleted_at).is_(None),
        Image.is_listed_for(viewer_id),
        within_seen_book(Image.book_id, viewer_id),
    )


def member_is_seen(viewer_id: UUID | None) -> ColumnElement[bool]:
    """Members are for members."""
    other = aliased(Member)
    return exists(select(1).where(col(other.book_id) == Member.book_id, col(other.user_id) == viewer_id)).correlate(
        Member
    )


def invitation_is_seen(viewer_id: UUID | None, at: Any) -> ColumnElement[bool]:
    """Owners see those of their book, the invited their own, but not to a book in the trash."""
    in_trash = exists(
        select(1).where(col(Book.id) == Invitation.book_id, col(Book.deleted_at).is_not(None))
    ).correlate_except(Book)
    return and_(
        Invitation.is_open(at),
        or_(owns(viewer_id, Invitation.book_id), and_(is_invited(viewer_id), ~in_trash)),
    )


def is_invited(viewer_id: UUID | None) -> ColumnElement[bool]:
    """That the invitation is to the viewer's address."""
    address = select(col(User.email)).where(col(User.id) == viewer_id).scalar_subquery()
    return Invitation.is_for(address)


def session_is_seen(viewer_id: UUID | None, at: Any) -> ColumnElement[bool]:
    """Sessions are their user's alone."""
    return and_(col(Session.user_id) == viewer_id, col(Session.revoked_at).is_(None), col(Session.expires_at) > at)


def user_is_seen(viewer_id: UUID | None) -> ColumnElement[bool]:
    """Oneself, those one shares a book with, and the owners of public books."""
    theirs, mine = aliased(Member), aliased(Member)
    return or_(
        col(User.id) == viewer_id,
        exists(
            select(1)
            .select_from(theirs)
            .join(mine, col(mine.book_id) == col(theirs.book_id))
            .where(col(theirs.user_id) == User.id, col(mine.user_id) == viewer_id)
        ).correlate(User),
        exists(
            select(1)
            .select_from(theirs)
            .join(Book, col(Book.id) == col(theirs.book_id))
            .where(
                col(theirs.user_id) == User.id,
                col(theirs.role) == Role.OWNER,
                col(Book.visibility) == Visibility.PUBLIC,
                col(Book.deleted_at).is_(None),
            )
        ).correlate(User),
    )


@dataclass(frozen=True, slots=True)
class Seat:
    """A book, locked until the work ends, and the viewer's place in it."""

    book: Book
    member: Member

    @property
    def role(self) -> Role:
        return Role(self.member.role)


async def readable_book(session: AsyncSession, viewer_id: UUID | None, id: UUID | None) -> Book:
    """Raises NotFound for a book that is not there or may not be seen."""
    found = await session.scalar(select(Book).where(col(Book.id) == id, book_is_seen(viewer_id)))
    if found is None:
        raise NotFound
    return found


async def book(work: Work, viewer_id: UUID, id: UUID | None, role: Role, *path: str, in_trash: bool = False) -> Seat:
    """The book, locked, for one who has at least this role in it.

    Raises NotFound for who may not see it, Forbidden for who may not do this, Gone for a book in the trash, whose
    path is the one given. The lock on the membership makes a removal that came first be seen by us.
    """
    locked = await work.session.execute(
        select(Book, Member)
        .join(Member, col(Member.book_id) == Book.id)
        .where(col(Book.id) == id, col(Member.user_id) == viewer_id)
        .with_for_update(of=[Book, Member])
        .execution_options(populate_existing=True)
    )
    row = locked.one_or_none()
    if row is None:
        await readable_book(work.session, viewer_id, id)
        raise Forbidden("Only its members may do this.")
    seat = Seat(*row)
    if seat.book.deleted_at is not None and not in_trash:
        raise Gone("The book is in the trash.", *path)
    if not seat.role.includes(role):
        raise Forbidden(f"This needs the role {role}; yours is {seat.role}.")
    return seat
