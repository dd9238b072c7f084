"""What a new password ends: every way in that whoever knew the old one may have left open."""

from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col

from models import IdentityRequest, PasskeyChallenge, Purpose, SecurityEventKind, SignIn, Totp, User
from resolvers import security, session
from resolvers.address import links
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.work import Work


async def put(
    context: Context,
    work: Work,
    user: User,
    hash: str,
    kind: SecurityEventKind,
    *,
    session_id: UUID | None = None,
    going_on: UUID | None = None,
) -> None:
    """Sets the password of a user whose row is held. All other sessions end than this one, and all sign-ins that wait
    for their next step than the one that is going on; so do links that were mailed, a change of address, and whatever
    way in or factor was begun."""
    user.password_hash, user.password_is_temporary = hash, False
    await session.revoke_all(work, user.id, except_=session_id)
    waiting = delete(SignIn).where(col(SignIn.user_id) == user.id)
    await work.session.execute(waiting if going_on is None else waiting.where(col(SignIn.id) != going_on))
    await links.end(work, user.id, Purpose.CHANGE, Purpose.RESET)
    for begun in (PasskeyChallenge, IdentityRequest):
        await work.session.execute(delete(begun).where(col(begun.user_id) == user.id))
    await work.session.execute(delete(Totp).where(col(Totp.user_id) == user.id, col(Totp.confirmed_at).is_(None)))
    security.note(context, work, user.id, kind)
    await owed.notice(work, user, kind)
