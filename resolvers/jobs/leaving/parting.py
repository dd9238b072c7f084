"""What somebody who goes leaves behind: books of theirs alone go too, and what is in others' is nobody's."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, exists, func, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from models import Book, Member, Role, User
from models.book import TRASH_LIFETIME
from models.event import BookChanged
from resolvers import belongings, session
from resolvers.jobs.kind import Nothing
from resolvers.jobs.purge import PURGE
from resolvers.jobs.purge.trash import MARGIN
from resolvers.work import Work


async def part(work: Work, user_id: UUID) -> list[UUID]:
    """Deletes the user, whom `belongings.hold` holds, and returns the sessions that this ends."""
    alone = await _alone(work, user_id)
    seen = await belongings.traces(work, user_id, {book.id for book in alone})
    await _throw_away(work, alone)
    await belongings.hand_over(work, user_id, None)
    await belongings.tell(work, seen, user_id, None)
    ended = await session.revoke_all(work, user_id)
    await work.session.execute(delete(User).where(col(User.id) == user_id).execution_options(synchronize_session=False))
    return ended


def orphaned(user_id: Any) -> Select[str]:
    """The titles of the books that others would be left in without an owner, in the order of these."""
    return (
        select(col(Book.title))
        .join(Member, col(Member.book_id) == col(Book.id))
        .where(
            col(Member.user_id) == user_id,
            col(Member.role) == Role.OWNER,
            col(Book.deleted_at).is_(None),
            _has_others(user_id),
            ~_has_others(user_id, owner=True),
        )
        .order_by(col(Book.title), col(Book.id))
    )


async def _alone(work: Work, user_id: UUID) -> list[Book]:
    """The books that are theirs and nobody else's."""
    own = col(Book.id).in_(select(col(Member.book_id)).where(col(Member.user_id) == user_id))
    return [*await work.session.scalars(select(Book).where(own, ~_has_others(user_id)).order_by(col(Book.id)))]


def _has_others(user_id: Any, *, owner: bool = False) -> ColumnElement[bool]:
    other = aliased(Member)
    role = [col(other.role) == Role.OWNER] if owner else []
    has = exists().where(col(other.book_id) == col(Book.id), col(other.user_id) != user_id, *role)
    # `user_id` may be that of each user whom the whole statement looks at.
    return has.correlate(Book, User)


async def _throw_away(work: Work, books: list[Book]) -> None:
    """As if they had been in the trash for as long as it keeps anything; the purge does the rest, files and all."""
    if not books:
        return
    for book in books:
        await work.announce(book, BookChanged(book_id=book.id))
    await work.session.execute(
        update(Book)
        .where(col(Book.id).in_([book.id for book in books]))
        .values(deleted_at=func.now() - (TRASH_LIFETIME + MARGIN))
        .execution_options(synchronize_session=False)
    )
    await work.owe(PURGE.job(Nothing()))
