"""How a session goes on: a refresh token brings the next, once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from models import RefreshToken, SecurityEventKind, Session, User
from models.refusal import SESSION_ENDED, Expired, Required
from models.session import REFRESH_GRACE
from resolvers import security
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.session.beginning import Tokens
from resolvers.session.revoking import revoke_where
from resolvers.token import hash_of
from resolvers.work import Work


async def refresh(context: Context, token: str | None) -> Tokens:
    """The next pair of tokens. A retry within the grace gets the same one; any other second use ends the session.

    Raises Required without a token, and Expired for one that is unknown, used or over, whichever it is.
    """
    if token is None and context.cookie:
        token = context.cookie.given
    if token is None:
        raise Required("A refresh token is needed.", "refreshToken")
    async with context.work() as work:
        # What this ends is committed although the request is refused.
        tokens = await _go_on(context, work, token)
    if tokens is None:
        raise Expired(SESSION_ENDED, "refreshToken")
    return tokens


async def _go_on(context: Context, work: Work, token: str) -> Tokens | None:
    row = (
        await work.session.execute(
            # Times that processes compare are the database's.
            select(RefreshToken, Session, col(User.disabled_at), func.now())
            .join(Session, col(Session.id) == RefreshToken.session_id)
            .join(User, col(User.id) == Session.user_id)
            .where(col(RefreshToken.hash) == hash_of(token))
            .with_for_update(of=[RefreshToken, Session])
        )
    ).one_or_none()
    if row is None:
        await _detect(context, work, token)
        return None
    used, session, disabled_at, at = row
    ends = context.parts.rules.session_ends(session.device_platform, session.created_at, work.now)
    if session.revoked_at is not None or disabled_at is not None or min(session.expires_at, ends) <= work.now:
        return None
    if used.used_at is not None:
        return await _again(context, work, token, used, session, at)
    successor = context.parts.refresh_tokens.nexts(token, session.id)[0]
    work.session.add(RefreshToken(hash=hash_of(successor), session_id=session.id, issued_at=work.now))
    used.used_at = at
    session.last_seen_at, session.expires_at, session.uses_cookie = work.now, ends, context.wants_cookie
    return Tokens.of(context, session, successor, work.now)


async def _again(
    context: Context, work: Work, token: str, used: RefreshToken, session: Session, at: datetime
) -> Tokens | None:
    """What its first use gave, while that may not have arrived."""
    assert used.used_at is not None
    if at - used.used_at <= REFRESH_GRACE:
        for successor in context.parts.refresh_tokens.nexts(token, session.id):
            row = await work.session.get(RefreshToken, hash_of(successor))
            if row is not None and row.used_at is None:
                return Tokens.of(context, session, successor, row.issued_at)
    await _end(context, work, session.id, session.user_id)
    return None


async def _detect(context: Context, work: Work, token: str) -> None:
    """One that we made and keep no more was used long ago, as its successors were."""
    id = context.parts.refresh_tokens.session_of(token)
    if id is None:
        return
    session = await work.session.scalar(select(Session).where(col(Session.id) == id).with_for_update())
    if session is not None and session.revoked_at is None and session.expires_at > work.now:
        await _end(context, work, session.id, session.user_id)


async def _end(context: Context, work: Work, id: UUID, user_id: UUID) -> None:
    """Of two who have the token one has stolen it, and nobody can tell which."""
    user = await work.session.get_one(User, user_id)
    await revoke_where(work, col(Session.id) == id)
    security.note(context, work, user_id, SecurityEventKind.REFRESH_TOKEN_REUSED, session_id=str(id))
    await owed.notice(work, user, SecurityEventKind.REFRESH_TOKEN_REUSED)
