"""Books that are thrown away, and brought back within 30 days."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Book, Invitation, Role, User
from models.book import TRASH_LIFETIME
from models.event import BookChanged
from models.refusal import Gone
from resolvers import access
from resolvers.context import Context
from resolvers.work import Work


async def delete(context: Context, id: UUID | None) -> Book:
    """Into the trash: its members can still read it, nobody can change it. It can be repeated."""
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, id, Role.OWNER, "id", in_trash=True)
        if seat.book.deleted_at is None:
            seat.book.deleted_at = work.now
            await _tell(work, seat.book)
        await work.show({"bk": [seat.book.id]})
    return seat.book


async def restore(context: Context, id: UUID | None) -> Book:
    """Out of the trash, as it was. It can be repeated. Raises Gone after 30 days."""
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, id, Role.OWNER, "id", in_trash=True)
        if seat.book.deleted_at is not None:
            if seat.book.deleted_at <= work.now - TRASH_LIFETIME:
                raise Gone("It was in the trash for too long.", "id")
            seat.book.deleted_at = None
            await _tell(work, seat.book)
        await work.show({"bk": [seat.book.id]})
    return seat.book


async def _tell(work: Work, book: Book) -> None:
    """Everybody whose list it is in, or who is invited to it."""
    await work.announce(book, BookChanged(book_id=book.id))
    await work.tell_members(book.id)
    invited = await work.session.scalars(
        select(col(User.id))
        .join(Invitation, User.owns(col(Invitation.email)))
        .where(col(Invitation.book_id) == book.id, Invitation.is_open(work.now))
    )
    work.tell(invited, book.id)
