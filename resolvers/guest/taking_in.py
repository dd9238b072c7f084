"""What a guest has becomes an account's, and the guest is gone."""

from uuid import UUID

from sqlalchemy import Exists, delete, exists, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from models import Batch, Book, Member, Role, SecurityEvent, SecurityEventKind, Session, User
from models.refusal import Conflict, Expired
from resolvers import belongings, security, session
from resolvers.context import Context
from resolvers.work import Work


async def take_in(context: Context, work: Work, guest_id: UUID, user: User, *, over: UUID | None) -> None:
    """Moves all that the guest has to the user, and ends the guest, in this work; quotas may be exceeded by it.

    Again for the same user it does nothing. Raises Conflict where another account has just taken the guest in, Expired
    where the guest was put out meanwhile, or the session over which it began.
    """
    if not await belongings.hold(work, guest_id):
        if await work.session.scalar(select(_took_in(user.id, guest_id))):
            return
        raise Conflict("What this guest had has just gone to another account.", "input")
    still_in = (
        select(col(Session.id))
        .join(User, col(User.id) == col(Session.user_id))
        .where(col(Session.id) == over, col(User.id) == guest_id)
        .where(col(Session.revoked_at).is_(None), col(User.disabled_at).is_(None))
    )
    if await work.session.scalar(still_in) is None:
        raise Expired("The guest's session has ended. Begin anew, without it.", "input")
    # What is announced from here on was done by whom the guest has become.
    work.actor_id = user.id
    seen = await belongings.traces(work, guest_id)
    await _keep_the_higher_role(work, guest_id, user.id)
    await _make_room(work, guest_id, user.id)
    await belongings.hand_over(work, guest_id, user.id)
    await belongings.tell(work, seen, guest_id, user.id)
    await session.revoke_all(work, guest_id)
    await work.session.execute(
        delete(User).where(col(User.id) == guest_id).execution_options(synchronize_session=False)
    )
    security.note(context, work, user.id, SecurityEventKind.GUEST_TAKEN_IN, guest_id=str(guest_id))


async def _keep_the_higher_role(work: Work, guest_id: UUID, user_id: UUID) -> None:
    """Where both belong to a book, the user's own place stays, with the better of both."""
    mine, theirs = aliased(Member), aliased(Member)
    both = await work.session.execute(
        select(mine, theirs)
        .join(theirs, col(theirs.book_id) == col(mine.book_id))
        .where(col(mine.user_id) == user_id, col(theirs.user_id) == guest_id)
        .with_for_update()
    )
    for own, other in both:
        role = Role(other.role) if Role(other.role).includes(Role(own.role)) else Role(own.role)
        owner_since = [since for since in (own.owner_since, other.owner_since) if since is not None]
        own.becomes(role, min(owner_since, default=work.now))
        own.owner_since = min(owner_since, default=None)
        own.joined_at = min(own.joined_at, other.joined_at)
        await work.session.delete(other)
    await work.session.flush()


async def _make_room(work: Work, guest_id: UUID, user_id: UUID) -> None:
    """Of what there can be once a user, the user's stays; a book stays and forgets which request made it."""
    theirs = aliased(Batch)
    answered = exists().where(
        col(theirs.book_id) == col(Batch.book_id),
        col(theirs.batch_id) == col(Batch.batch_id),
        col(theirs.user_id) == user_id,
    )
    await work.session.execute(
        delete(Batch).where(col(Batch.user_id) == guest_id, answered).execution_options(synchronize_session=False)
    )
    made = select(col(Book.client_id)).where(col(Book.created_by) == user_id, col(Book.client_id).is_not(None))
    await work.session.execute(
        update(Book)
        .where(col(Book.created_by) == guest_id, col(Book.client_id).in_(made))
        .values(client_id=None)
        .execution_options(synchronize_session=False)
    )


def _took_in(user_id: UUID, guest_id: UUID) -> Exists:
    return exists().where(
        col(SecurityEvent.user_id) == user_id,
        col(SecurityEvent.kind) == SecurityEventKind.GUEST_TAKEN_IN,
        SecurityEvent.details["guest_id"].astext == str(guest_id),
    )
