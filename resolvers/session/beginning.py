"""How a session begins; sign-ins alone come here."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Uuid, bindparam, func, select, update
from sqlmodel import col

from models import RefreshToken, Session, User
from models.session import SESSIONS_LIMIT, DevicePlatform
from resolvers import access
from resolvers.context import Context
from resolvers.token import hash_of
from resolvers.work import Work
from storage.statement import compiled, row_of, values_of


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

    @classmethod
    def of(cls, context: Context, session: Session, refresh_token: str, issued_at: datetime) -> "Tokens":
        access_token, expires_at = context.parts.tokens.issue(
            session.user_id, session.id, issued_at, session.expires_at
        )
        return cls(
            user_id=session.user_id,
            session_id=session.id,
            access_token=access_token,
            access_token_expires_at=expires_at,
            refresh_token=refresh_token,
            refresh_token_expires_at=session.expires_at,
        )


_SURPLUS: Final = (
    select(col(Session.id))
    .where(access.session_is_seen(bindparam("of_user", type_=Uuid()), bindparam("now", type_=DateTime(timezone=True))))
    .order_by(col(Session.last_seen_at).desc(), col(Session.id).desc())
    # It does not see the new one.
    .offset(bindparam("others", type_=BigInteger()))
)
_BEGIN: Final = compiled(
    update(Session)
    .where(col(Session.id).in_(_SURPLUS), col(Session.revoked_at).is_(None))
    .values(revoked_at=func.now())
    .returning(col(Session.id))
    .add_cte(row_of(Session), row_of(RefreshToken))
)


async def begin(
    context: Context, work: Work, user: User, device: Device | None, *, uses_cookie: bool = False
) -> Tokens:
    """A new session of the user, whose row the work holds that lets them in. All of it is one statement."""
    platform = device.platform if device else None
    session = Session(
        user_id=user.id,
        device_name=device.name if device else None,
        device_platform=platform,
        ip_address=context.ip_address,
        user_agent=context.user_agent and context.user_agent[:500],
        created_at=work.now,
        last_seen_at=work.now,
        expires_at=context.parts.rules.session_ends(platform, work.now, work.now),
        uses_cookie=uses_cookie,
    )
    token = context.parts.refresh_tokens.first(session.id)
    first = RefreshToken(hash=hash_of(token), session_id=session.id, issued_at=work.now)
    values = {
        "of_user": user.id,
        "now": work.now,
        "others": SESSIONS_LIMIT - 1,
        **values_of(session),
        **values_of(first),
    }
    work.revoked += [row["id"] for row in await work.run(_BEGIN, values)]
    return Tokens.of(context, session, token, work.now)
