"""What those who look after the house do to accounts: with a permission, or at the command line."""

from typing import Final
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlmodel import col

from models import Permission, SecurityEventKind, SignIn, User
from models.id import outside
from models.refusal import Conflict, NotFound
from resolvers import access, security, session
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.work import Work

#: Who did it, in the events that it leaves, where nobody is signed in.
COMMAND_LINE: Final = "command line"


async def set_active(context: Context, id: UUID | None, *, active: bool) -> None:
    """Lets nobody in by an account any more, or again. Raises Forbidden, NotFound, Conflict for the viewer's own."""
    viewer = context.viewer
    async with context.work() as work:
        await access.permitted(work, viewer.user_id, Permission.USER_ACTIVATE)
        # Both, in the order in which everybody takes them: of two who disable each other, the second is out.
        held = await work.session.scalars(
            select(User)
            .where(col(User.id).in_((viewer.user_id, id)))
            .order_by(col(User.id))
            .with_for_update(key_share=True)
        )
        user = next((each for each in held if each.id == id), None)
        # By now either may have ended, and while both are held neither can any more.
        await session.is_still_in(work, viewer)
        await access.permitted(work, viewer.user_id, Permission.USER_ACTIVATE)
        if user is None:
            raise NotFound
        if user.id == viewer.user_id:
            raise Conflict("Nobody does this to their own account.", "userId")
        if user.is_administrator:
            # Or whoever has found one administrator's session could put out all others.
            raise Conflict("They are an administrator, and only the command line does this to one.", "userId")
        by = outside("us", viewer.user_id)
        if active:
            enable(context, work, user, by)
        else:
            await disable(context, work, user, by)


async def disable(context: Context, work: Work, user: User, by: str) -> int:
    """Ends all that leads into the account of a user who is held; how many sessions that were. It can be repeated."""
    if user.disabled_at is None:
        user.disabled_at = work.now
        security.note(context, work, user.id, SecurityEventKind.ACCOUNT_DISABLED, is_own=False, by=by)
    theirs = or_(col(SignIn.user_id) == user.id, col(SignIn.guest_id) == user.id)
    await work.session.execute(delete(SignIn).where(theirs))
    return len(await session.revoke_all(work, user.id))


def enable(context: Context, work: Work, user: User, by: str) -> None:
    """It can be repeated."""
    if user.disabled_at is not None:
        user.disabled_at = None
        security.note(context, work, user.id, SecurityEventKind.ACCOUNT_ENABLED, is_own=False, by=by)


async def promote(context: Context, work: Work, user: User, by: str) -> None:
    """Gives a user who is held all permissions. It can be repeated. Raises Conflict for a guest, and for who is out."""
    if user.is_guest:
        raise Conflict("A guest cannot be an administrator: there is no way back into their account.")
    if user.disabled_at is not None:
        raise Conflict("Their account is disabled: enable it first.")
    if not user.is_administrator:
        user.is_administrator = True
        await _tell(context, work, user, SecurityEventKind.ADMINISTRATOR_MADE, by)


async def demote(context: Context, work: Work, user: User, by: str) -> None:
    """Takes them away, from the last who has them too. It can be repeated."""
    if user.is_administrator:
        user.is_administrator = False
        await _tell(context, work, user, SecurityEventKind.ADMINISTRATOR_ENDED, by)


async def _tell(context: Context, work: Work, user: User, kind: SecurityEventKind, by: str) -> None:
    security.note(context, work, user.id, kind, is_own=False, by=by)
    await owed.notice(work, user, kind)
