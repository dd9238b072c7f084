"""What happened to an account: written in the work that did it."""

import re
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import SecurityEvent, SecurityEventKind, SignIn, User
from models.columns import moment_of
from resolvers.connection import Keyset
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.noted import remember
from resolvers.work import Work

#: The last sign-ins that a new one is compared with.
_COMPARED: Final = 500
#: A program is the same one in its next version.
_VERSION: Final = re.compile(r"\d[\d._]*")


def newest(event: Any) -> Keyset:
    """The order in which somebody reads of them."""
    return Keyset((event.at, event.id), (moment_of, UUID))


def note(context: Context, work: Work, user_id: UUID, kind: SecurityEventKind, **details: Any) -> SecurityEvent:
    """`details` hold no secret and no address; they are for whoever looks after the house."""
    event = SecurityEvent(
        user_id=user_id,
        kind=kind,
        at=work.now,
        ip_address=context.ip_address,
        user_agent=context.user_agent and context.user_agent[:500],
        details=details,
    )
    work.session.add(event)
    remember(work.session, event)
    return event


async def signed_in(context: Context, work: Work, user: User, sign_in: SignIn) -> None:
    """Notes it, and writes to the user when it was with a device that they had not used."""
    platform = sign_in.device_platform
    if user.email_verified_at is not None and await _is_new(work, user.id, (platform, _program(context.user_agent))):
        await owed.notice(
            work,
            user,
            SecurityEventKind.SIGNED_IN,
            device=sign_in.device_name or (context.user_agent and context.user_agent[:100]),
            ip_address=context.ip_address,
        )
    note(context, work, user.id, SecurityEventKind.SIGNED_IN, proof=sign_in.proof, platform=platform)


async def _is_new(work: Work, user_id: UUID, device: tuple[str | None, str]) -> bool:
    """Not for the first sign-in of all, which is a new device of a new user."""
    last = (
        select(SecurityEvent)
        .where(col(SecurityEvent.user_id) == user_id, col(SecurityEvent.kind) == SecurityEventKind.SIGNED_IN)
        .order_by(*(each.desc() for each in newest(SecurityEvent).columns))
        .limit(_COMPARED)
        .subquery()
    )
    used = await work.session.execute(select(last.c.details["platform"].astext, last.c.user_agent).distinct())
    known = {(platform, _program(agent)) for platform, agent in used}
    return bool(known) and device not in known


def _program(user_agent: str | None) -> str:
    return _VERSION.sub("", (user_agent or "")[:500])
