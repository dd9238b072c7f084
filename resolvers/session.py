"""Sessions: begun, renewed, listed and ended."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import col

from models import RefreshToken, Session, User
from models.refusal import Expired, Invalid, NotFound, Unauthenticated
from models.session import REFRESH_GRACE, REFRESH_LIFETIME, SESSIONS_LIMIT, DevicePlatform
from resolvers import access
from resolvers.context import Context, Viewer
from resolvers.token import TokenExpired, hash_of
from resolvers.work import Work

_ENDED = "The session has ended. Sign in again."


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    platform: DevicePlatform


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client goes on with, and whose it is."""

    user_id: UUID
    session_id: UUID
    access_token: str = field(repr=False)
    access_token_expires_at: datetime
    refresh_token: str = field(repr=False)
    refresh_token_expires_at: datetime


async def begin(context: Context, work: Work, user: User, device: Device | None) -> Tokens:
    """A new session of the user, in the work that let them in."""
    session = Session(
        user_id=user.id,
        device_name=device.name if device else None,
        device_platform=device.platform if device else None,
        ip_address=context.ip_address,
        user_agent=context.user_agent and context.user_agent[:500],
        created_at=work.now,
        last_seen_at=work.now,
        expires_at=work.now + REFRESH_LIFETIME,
    )
    work.session.add(session)
    await work.session.flush()
    token = context.parts.tokens.first_refresh_token()
    work.session.add(RefreshToken(hash=hash_of(token), session_id=session.id, issued_at=work.now))
    surplus = (
        select(col(Session.id))
        .where(access.session_is_seen(user.id, work.now))
        .order_by(col(Session.last_seen_at).desc(), col(Session.id).desc())
        .offset(SESSIONS_LIMIT)
    )
    await _revoke(work, col(Session.id).in_(surplus))
    return _tokens(context, session, token, work.now)


async def refresh(context: Context, token: str) -> Tokens:
    """The next pair of tokens. A retry within the grace gets the same one; any other second use ends the session.

    Raises Expired for a token that is unknown, used or over, whichever it is.
    """
    async with context.work() as work:
        row = (
            await work.session.execute(
                # Times that processes compare are the database's.
                select(RefreshToken, Session, func.now())
                .join(Session, col(Session.id) == RefreshToken.session_id)
                .where(col(RefreshToken.hash) == hash_of(token))
                .with_for_update()
            )
        ).one_or_none()
        if row is None or row.Session.revoked_at is not None or row.Session.expires_at <= work.now:
            raise Expired(_ENDED, "refreshToken")
        used, session, at = row
        next_token = context.parts.tokens.next_refresh_token(token)
        if used.used_at is None:
            used.used_at = at
            session.last_seen_at = issued_at = work.now
            session.expires_at = work.now + REFRESH_LIFETIME
            work.session.add(RefreshToken(hash=hash_of(next_token), session_id=session.id, issued_at=issued_at))
        else:
            successor = await work.session.get(RefreshToken, hash_of(next_token))
            is_retry = successor and successor.used_at is None and at - used.used_at <= REFRESH_GRACE
            issued_at = successor.issued_at if successor else work.now
            if not is_retry:
                # Committed although the request is refused.
                await _revoke(work, col(Session.id) == session.id)
    if work.revoked:
        raise Expired(_ENDED, "refreshToken")
    return _tokens(context, session, next_token, issued_at)


async def end(context: Context) -> list[UUID]:
    """Ends the viewer's current session. Raises Unauthenticated when it has ended meanwhile."""
    try:
        return await revoke(context, context.viewer.session_id)
    except NotFound as error:
        raise Unauthenticated(_ENDED) from error


async def revoke(context: Context, id: UUID | None) -> list[UUID]:
    """Ends the viewer's session with this id. Raises NotFound when it is none of theirs."""
    viewer = context.viewer
    async with context.work() as work:
        ended = await _revoke(work, col(Session.id) == id, access.session_is_seen(viewer.user_id, work.now))
        if not ended:
            raise NotFound
    if viewer.session_id in ended:
        # What else is asked in the same operation is refused as the next one would be.
        context.caller = Unauthenticated(_ENDED)
    return ended


async def _revoke(work: Work, *conditions: ColumnElement[bool]) -> list[UUID]:
    """Ends the sessions of which all this holds, at a moment of the database's clock, which all processes look at.

    It is told once the work has held.
    """
    ended = await work.session.scalars(
        update(Session)
        .where(*conditions, col(Session.revoked_at).is_(None))
        .values(revoked_at=func.now())
        .returning(col(Session.id))
        .execution_options(synchronize_session=False)
    )
    ids = list(ended)
    work.revoked += ids
    return ids


def _tokens(context: Context, session: Session, refresh_token: str, now: datetime) -> Tokens:
    access_token, expires_at = context.parts.tokens.issue(session.user_id, session.id, now)
    return Tokens(
        user_id=session.user_id,
        session_id=session.id,
        access_token=access_token,
        access_token_expires_at=expires_at,
        refresh_token=refresh_token,
        refresh_token_expires_at=session.expires_at,
    )


def renew(context: Context, token: str) -> datetime:
    """Lets the caller's websocket go on until the token expires, which is returned.

    Raises Invalid for a token that is no good or a connection that is no websocket, Expired, Forbidden for the token of
    another session.
    """
    context.viewer  # noqa: B018 raises where nobody is signed in
    if context.renew is None:
        raise Invalid("Only a websocket can be renewed: send this over yours.", "accessToken")
    try:
        claims = context.parts.tokens.verify(token)
    except TokenExpired as error:
        raise Expired(error.message, "accessToken") from error
    except Unauthenticated as error:
        raise Invalid(error.message, "accessToken") from error
    if context.parts.revocations.covers(claims.session_id):
        raise Unauthenticated("The session has ended. Sign in again.")
    context.renew(Viewer(claims.user_id, claims.session_id, claims.expires_at), token)
    return claims.expires_at
