"""Members: their roles, their leaving."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlmodel import col

from models import Book, Member, Role
from models.event import MembersChanged
from models.refusal import Conflict, NotFound
from resolvers import access
from resolvers.access import Seat
from resolvers.context import Context
from resolvers.jobs.purge import expire_of
from resolvers.work import Work


async def update(context: Context, *, book_id: UUID | None, user_id: UUID | None, role: Role) -> tuple[Book, Member]:
    """Gives a member another role. Raises Conflict where it would leave the book without an owner."""
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, book_id, Role.OWNER, "input", "bookId")
        member = await _member(work, seat.book, user_id, "input", "userId")
        if member.role != role:
            if role is not Role.OWNER:
                await _keeps_an_owner(work, member, "input", "role")
            member.becomes(role, work.now)
            await work.announce(seat.book, MembersChanged(book_id=seat.book.id, members=[member]))
            work.tell([member.user_id], seat.book.id)
        await work.show({"mb": [member.id]})
    return seat.book, member


async def remove(context: Context, *, book_id: UUID | None, user_id: UUID | None) -> Book:
    """Ends a membership: an owner anyone's, the others their own. Raises Conflict for the last owner."""
    least = Role.VIEWER if user_id == context.viewer.user_id else Role.OWNER
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, book_id, least, "bookId")
        await _end(work, seat, await _member(work, seat.book, user_id, "userId"), "userId")
    return seat.book


async def leave(context: Context, book_id: UUID | None) -> Book:
    """Ends the viewer's own membership. Raises Conflict for the last owner."""
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, book_id, Role.VIEWER, "id")
        await _end(work, seat, seat.member, "id")
    return seat.book


async def _end(work: Work, seat: Seat, member: Member, *path: str) -> None:
    await _keeps_an_owner(work, member, *path)
    await work.session.delete(member)
    # They could hold up the others with photos that nobody else sees or can delete.
    await expire_of(work, seat.book, member.user_id)
    await work.announce(seat.book, MembersChanged(book_id=seat.book.id, removed_user_ids=[member.user_id]))
    work.tell([member.user_id], seat.book.id)
    await work.show({"bk": [seat.book.id]})


async def _member(work: Work, book: Book, user_id: UUID | None, *path: str) -> Member:
    """Raises NotFound for who does not belong to the book."""
    member = await work.session.scalar(
        select(Member).where(col(Member.book_id) == book.id, col(Member.user_id) == user_id)
    )
    if member is None:
        raise NotFound("They do not belong to this book.", *path)
    return member


async def _keeps_an_owner(work: Work, member: Member, *path: str) -> None:
    """The book's lock makes two who try at once come one after the other."""
    if member.role != Role.OWNER:
        return
    other = exists().where(
        col(Member.book_id) == member.book_id, col(Member.role) == Role.OWNER, col(Member.id) != member.id
    )
    if not await work.session.scalar(select(other)):
        raise Conflict("A book needs an owner: make somebody else one first.", *path)
