"""How sessions end: signed out of, or revoked."""

from uuid import UUID

from sqlalchemy import ColumnElement, select, true
from sqlmodel import col

from models import SecurityEventKind, Session
from models.refusal import SESSION_ENDED, NotFound, Unauthenticated
from resolvers import access, security
from resolvers.context import Context, Viewer
from resolvers.session.revoking import hold, revoke_where
from resolvers.work import Work


async def end(context: Context) -> list[UUID]:
    """Ends the viewer's current session. Raises Unauthenticated when it has ended meanwhile."""
    return await _end(context, SecurityEventKind.SIGNED_OUT, col(Session.id) == context.viewer.session_id)


async def revoke(context: Context, id: UUID | None) -> list[UUID]:
    """Ends the viewer's session with this id. Raises NotFound when it is none of theirs."""
    ended = await _end(context, SecurityEventKind.SESSION_REVOKED, col(Session.id) == id)
    if not ended:
        raise NotFound
    return ended


async def revoke_others(context: Context) -> list[UUID]:
    """Ends all of the viewer's sessions but the current one."""
    others = col(Session.id) != context.viewer.session_id
    return await _end(context, SecurityEventKind.SESSION_REVOKED, others)


async def revoke_all(work: Work, user_id: UUID, except_: UUID | None = None) -> list[UUID]:
    """Ends all sessions of the user but this one, in the work that says why."""
    await hold(work, user_id)
    kept = col(Session.id) != except_ if except_ else true()
    return await revoke_where(work, col(Session.user_id) == user_id, kept)


async def _end(context: Context, kind: SecurityEventKind, which: ColumnElement[bool]) -> list[UUID]:
    viewer = context.viewer
    async with context.work() as work:
        await hold(work, viewer.user_id)
        await is_still_in(work, viewer)
        ended = await revoke_where(work, which, access.session_is_seen(viewer.user_id, work.now))
        for id in ended:
            security.note(context, work, viewer.user_id, kind, session_id=str(id))
    if viewer.session_id in ended:
        # What else is asked in the same operation is refused as the next one would be.
        context.caller = Unauthenticated(SESSION_ENDED)
        cookie = context.cookie
        if cookie and cookie.given and context.parts.refresh_tokens.session_of(cookie.given) in (None, *ended):
            cookie.clear()
    return ended


async def is_still_in(work: Work, viewer: Viewer) -> None:
    """Raises Unauthenticated. Whoever was put out a moment ago, elsewhere, is not to put out others here, nor to finish
    what they have begun; the user is held, or it could become so a moment later.
    """
    own = select(col(Session.id)).where(col(Session.id) == viewer.session_id, col(Session.revoked_at).is_(None))
    if await work.session.scalar(own) is None:
        raise Unauthenticated(SESSION_ENDED)
