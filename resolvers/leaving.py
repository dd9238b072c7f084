"""Leaving: an account, and all that is personal, is gone at once; what was given to others' books stays."""

from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete, select
from sqlmodel import col

from models import Invitation, Member, User
from models.refusal import ACCOUNT_GONE, Conflict, Refusals, Unauthenticated
from models.user import Language
from resolvers import belongings, reauthentication
from resolvers.context import Context
from resolvers.jobs.leaving import ERASE, FAREWELL, Erasure, Farewell, orphaned, part
from resolvers.work import Work

#: Books that a refusal names.
NAMED: Final = 20

_log = structlog.get_logger("accounts")


async def leave(context: Context, password: str | None) -> None:
    """Erases the viewer's account. A guest just goes; whoever has no password has signed in within 10 minutes.

    Raises what proving oneself raises, Conflict for each book that others would be left in without an owner.
    """
    viewer = context.viewer
    proven = None if await _is_guest(context) else await reauthentication.prove(context, password, "password")
    async with context.work() as work:
        await belongings.hold(work, viewer.user_id)
        user = await proven.user(work) if proven else await work.session.get(User, viewer.user_id)
        if user is None:
            raise Unauthenticated(ACCOUNT_GONE)
        await _leaves_nobody_behind(work, user.id)
        await _forget_address(work, user)
        ended = await part(work, user.id)
    _log.info("account_deleted", user_id=str(viewer.user_id), is_guest=user.is_guest)
    context.caller = Unauthenticated(ACCOUNT_GONE)
    cookie = context.cookie
    if cookie and cookie.given and context.parts.refresh_tokens.session_of(cookie.given) in (None, *ended):
        cookie.clear()


async def _is_guest(context: Context) -> bool:
    """Nobody is asked for what they cannot have: a guest has no way to sign in again."""
    async with context.reading() as reading:
        guest = select(col(User.id)).where(col(User.id) == context.viewer.user_id, col(User.is_guest))
        return await reading.scalar(guest) is not None


async def _leaves_nobody_behind(work: Work, user_id: UUID) -> None:
    """Raises Conflict, once a book, and says how many more there are than it names."""
    titles = (await work.session.scalars(orphaned(user_id))).all()
    todo = "Make one of them an owner, or delete the book."
    said = [f"“{title}” has other members, and no other owner. {todo}" for title in titles[:NAMED]]
    if len(titles) > NAMED:
        said.append(f"And so it is with {len(titles) - NAMED:,} more.")
    if said:
        raise Refusals([Conflict(line) for line in said])


async def _forget_address(work: Work, user: User) -> None:
    """Of an address that was never confirmed only what was done with it: it may be somebody else's, who is not told.

    The queue is looked through by a job: nobody waits for that who wants to work in the books that are held.
    """
    confirmed = user.email if user.email_verified_at else None
    if user.email is not None:
        # Others have had it too: what was accepted for a book that this one is not in was accepted by somebody else.
        books = select(col(Member.book_id)).where(col(Member.user_id) == user.id)
        accepted = col(Invitation.accepted_at).is_not(None), col(Invitation.book_id).in_(books)
        which = () if confirmed else accepted
        await work.session.execute(
            delete(Invitation).where(Invitation.is_for(user.email), *which).execution_options(synchronize_session=False)
        )
    await work.owe(ERASE.job(Erasure(user.id, confirmed)))
    if confirmed is not None:
        await work.owe(FAREWELL.job(Farewell(confirmed, Language(user.language), work.now)))
