"""Invitations: sent, found, accepted, declined, taken back."""

from uuid import UUID

from sqlalchemy import Exists, delete, exists, func, select
from sqlmodel import col

from models import Book, Invitation, Member, Role, User
from models.book import MEMBERS_LIMIT
from models.event import MembersChanged
from models.invitation import INVITATIONS_LIMIT, LIFETIME
from models.refusal import Expired, LimitReached, NotFound, Taken
from models.user import checked_email
from resolvers import access
from resolvers.address import verifying
from resolvers.context import Context
from resolvers.mail import invitations, owed
from resolvers.work import Work


async def invite(context: Context, *, book_id: UUID | None, email: str, role: Role) -> Invitation:
    """Invites an address by mail, the same whether it belongs to a user or not. Again is a new role and a new term.

    Raises Taken when it belongs to a member, LimitReached over 200 open ones.
    """
    address = checked_email(email, "input", "email")
    async with context.work() as work:
        seat = await access.book(work, context.viewer.user_id, book_id, Role.OWNER, "input", "bookId")
        if await work.session.scalar(select(_belongs(seat.book, address))):
            raise Taken("They belong to this book already.", "input", "email")
        invitation = await work.session.scalar(
            select(Invitation)
            .where(
                col(Invitation.book_id) == seat.book.id,
                Invitation.is_for(address),
                col(Invitation.accepted_at).is_(None),
            )
            # Whoever declines it at this moment comes before or after, not in between.
            .with_for_update()
        )
        if invitation is None or invitation.expires_at <= work.now:
            await _has_room(work, seat.book)
        if invitation is None:
            invitation = Invitation(book_id=seat.book.id, email=address, role=role, expires_at=work.now)
            work.session.add(invitation)
        invitation.email = address
        invitation.role = role
        invitation.invited_by = context.viewer.user_id
        invitation.created_at = work.now
        invitation.expires_at = work.now + LIFETIME
        await _tell_invited(work, invitation)
        await owed.invitation(work, invitation)
        await work.show({"in": [invitation.id]})
    return invitation


async def accept(context: Context, id: UUID | None, token: str | None = None) -> Book:
    """Makes the viewer a member; a higher role is kept. Repeating it gives the same book.

    `token` is of the mail, and names it instead of `id`: it lets in whom the invitation is to, and nobody else. Who has
    it reads the address' mail, and has confirmed it so.
    Raises NotFound for an invitation to somebody else, Expired, LimitReached over 200 members.
    """
    viewer = context.viewer
    given = "id" if token is None else "token"
    async with context.work() as work:
        if token is not None:
            id = await invitations.named_by(work, token)
        found = await work.session.scalar(
            select(Invitation).where(
                col(Invitation.id) == id, access.is_invited(viewer.user_id, reads_mail=token is not None)
            )
        )
        if found is None:
            raise NotFound
        # The book first, as everybody locks it; then who they are, and what the invitation has become meanwhile.
        book = await work.session.scalar(
            select(Book).where(col(Book.id) == found.book_id, col(Book.deleted_at).is_(None)).with_for_update()
        )
        if token is not None:
            await verifying.read(context, work, viewer.user_id, found.email)
        found = await work.session.scalar(
            select(Invitation)
            .where(col(Invitation.id) == id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if book is None or found is None:
            raise NotFound
        member = await work.session.scalar(
            select(Member).where(col(Member.book_id) == book.id, col(Member.user_id) == viewer.user_id)
        )
        if found.accepted_at is not None:
            if member is None:
                raise NotFound
            await work.show({"bk": [book.id]})
            return book
        if found.expires_at <= work.now:
            raise Expired("The invitation has expired. Ask for a new one.", given)
        found.accepted_at = work.now
        await _seat(work, book, member, viewer.user_id, Role(found.role), given)
        await work.show({"bk": [book.id]})
    return book


async def decline(context: Context, id: UUID | None) -> None:
    """Removes an invitation to the viewer. Raises NotFound when there is none."""
    async with context.work() as work:
        declined = await work.session.execute(
            delete(Invitation)
            .where(
                col(Invitation.id) == id,
                access.is_invited(context.viewer.user_id),
                col(Invitation.accepted_at).is_(None),
            )
            .returning(col(Invitation.book_id))
        )
        book_id = declined.scalar_one_or_none()
        if book_id is None:
            raise NotFound
        work.tell([context.viewer.user_id], book_id)


async def revoke(context: Context, id: UUID | None) -> Book:
    """Takes an invitation back; for owners. Raises NotFound when there is none that they may see."""
    async with context.work() as work:
        found = await work.session.scalar(
            select(Invitation).where(
                col(Invitation.id) == id,
                col(Invitation.accepted_at).is_(None),
                access.owns(context.viewer.user_id, Invitation.book_id),
            )
        )
        if found is None:
            raise NotFound
        seat = await access.book(work, context.viewer.user_id, found.book_id, Role.OWNER, in_trash=True)
        taken_back = await work.session.scalar(
            delete(Invitation)
            .where(col(Invitation.id) == id, col(Invitation.accepted_at).is_(None))
            .returning(col(Invitation.id))
        )
        # It was accepted, declined or taken back while we waited for the book.
        if taken_back is None:
            raise NotFound
        await _tell_invited(work, found)
        await work.show({"bk": [seat.book.id]})
    return seat.book


async def _seat(work: Work, book: Book, member: Member | None, user_id: UUID, role: Role, given: str) -> None:
    if member is not None and Role(member.role).includes(role):
        work.tell([user_id], book.id)
        return
    if member is None:
        count = select(func.count()).where(col(Member.book_id) == book.id)
        if (await work.session.scalar(count) or 0) >= MEMBERS_LIMIT:
            raise LimitReached(f"A book has at most {MEMBERS_LIMIT} members.", given)
        member = Member(book_id=book.id, user_id=user_id, role=role, joined_at=work.now)
        work.session.add(member)
    member.becomes(role, work.now)
    await work.announce(book, MembersChanged(book_id=book.id, members=[member]))
    work.tell([user_id], book.id)


async def _has_room(work: Work, book: Book) -> None:
    open_ones = select(func.count()).where(col(Invitation.book_id) == book.id, Invitation.is_open(work.now))
    if (await work.session.scalar(open_ones) or 0) >= INVITATIONS_LIMIT:
        raise LimitReached(f"A book has at most {INVITATIONS_LIMIT} open invitations.", "input", "email")


async def _tell_invited(work: Work, invitation: Invitation) -> None:
    invited = await work.session.scalars(select(col(User.id)).where(User.owns(invitation.email)))
    work.tell(invited, invitation.book_id)


def _belongs(book: Book, address: str) -> Exists:
    return exists(
        select(1)
        .select_from(Member)
        .join(User, col(User.id) == Member.user_id)
        .where(col(Member.book_id) == book.id, User.owns(address))
    )
