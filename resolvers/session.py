"""Sessions: begun, renewed, listed and ended."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlmodel import col

from models import RefreshToken, Session, User
from models.refusal import Expired, NotFound
from models.session import REFRESH_GRACE, REFRESH_LIFETIME, DevicePlatform
from resolvers import access
from resolvers.context import Context
from resolvers.token import hash_of
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
    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
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
    return _tokens(context, session, token, work.now)


async def refresh(context: Context, token: str) -> Tokens:
    """The next pair of tokens. A retry within the grace gets the same one; any other second use ends the session.

    Raises Expired for a token that is unknown, used or over, whichever it is.
    """
    reused: UUID | None = None
    async with context.work() as work:
        row = (
            await work.session.execute(
                select(RefreshToken, Session)
                .join(Session, col(Session.id) == RefreshToken.session_id)
                .where(col(RefreshToken.hash) == hash_of(token))
                .with_for_update()
            )
        ).one_or_none()
        if row is None or row.Session.revoked_at is not None or row.Session.expires_at <= work.now:
            raise Expired(_ENDED, "refreshToken")
        used, session = row
        successor = context.parts.tokens.next_refresh_token(token)
        if used.used_at is None:
            used.used_at = session.last_seen_at = work.now
            session.expires_at = work.now + REFRESH_LIFETIME
            work.session.add(RefreshToken(hash=hash_of(successor), session_id=session.id, issued_at=work.now))
        elif work.now - used.used_at > REFRESH_GRACE or await _is_used(work, successor):
            # Committed although the request is refused.
            session.revoked_at = work.now
            reused = session.id
    if reused:
        await context.parts.revocations.add([reused])
        raise Expired(_ENDED, "refreshToken")
    return _tokens(context, session, successor, work.now)


async def end(context: Context, id: UUID | None = None) -> list[UUID]:
    """Ends the viewer's current session, or the one with this id. Raises NotFound when it is none of theirs."""
    viewer = context.viewer
    async with context.work() as work:
        ended = await work.session.scalars(
            update(Session)
            .where(
                col(Session.id) == (id or viewer.session_id),
                access.session_is_seen(viewer.user_id, work.now),
            )
            .values(revoked_at=work.now)
            .returning(col(Session.id))
        )
        ids = list(ended)
        if not ids:
            raise NotFound
    await context.parts.revocations.add(ids)
    return ids


async def current(context: Context) -> Session:
    """The viewer's own session. Raises NotFound when it is gone."""
    async with context.reading() as session:
        found = await session.get(Session, context.viewer.session_id)
    if found is None:
        raise NotFound
    return found


async def mine(context: Context) -> list[Session]:
    """The viewer's sessions, newest first."""
    async with context.reading() as session:
        found = await session.scalars(
            select(Session)
            .where(access.session_is_seen(context.viewer.user_id, context.now))
            .order_by(col(Session.id).desc())
        )
        return list(found)


async def _is_used(work: Work, token: str) -> bool:
    return bool(
        await work.session.scalar(
            select(exists().where(col(RefreshToken.hash) == hash_of(token), col(RefreshToken.used_at).is_not(None)))
        )
    )


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
