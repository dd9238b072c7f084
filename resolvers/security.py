"""What happened to an account: written in the work that did it."""

import re
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Text, bindparam, func, select
from sqlmodel import col

from models import Proof, SecurityEvent, SecurityEventKind, SignIn, User
from models.columns import moment_of
from resolvers.connection import Keyset
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.noted import remember
from resolvers.work import Work
from storage.statement import compiled, row_of, values_of

#: The last sign-ins that a new one is compared with.
_COMPARED: Final = 500
#: A program is the same one in its next version.
_VERSION: Final = re.compile(r"\d[\d._]*")


def newest(event: Any) -> Keyset:
    """The order in which somebody reads of them."""
    return Keyset((event.at, event.id), (moment_of, UUID))


_LAST: Final = (
    select(SecurityEvent)
    .where(col(SecurityEvent.user_id) == bindparam("of_user"), col(SecurityEvent.kind) == SecurityEventKind.SIGNED_IN)
    .order_by(*(each.desc() for each in newest(SecurityEvent).columns))
    .limit(_COMPARED)
    .subquery()
)
#: Writes one event, and finds with what they had signed in before: it does not see what it writes.
_SIGNED_IN: Final = compiled(
    select(_LAST.c.details["platform"].astext, _LAST.c.user_agent).distinct().add_cte(row_of(SecurityEvent))
)

_OF_A_DAY: Final = compiled(
    select(func.count()).where(
        col(SecurityEvent.user_id) == bindparam("of_user"),
        col(SecurityEvent.kind) == bindparam("kind"),
        col(SecurityEvent.at) > bindparam("after"),
        # Not those of something else, or whoever tries that often enough has nobody told of these.
        col(SecurityEvent.details)["by"].astext.is_(None),
        col(SecurityEvent.details)["proof"].astext.is_not_distinct_from(bindparam("proof", type_=Text())),
    )
)


async def noted_today(work: Work, user_id: UUID, kind: SecurityEventKind, proof: Proof | None = None) -> int:
    """How many of this kind the user has of the last day: those with this proof, or those that name none."""
    given = {"of_user": user_id, "kind": kind, "after": work.now - timedelta(days=1), "proof": proof}
    [[count]] = await work.run(_OF_A_DAY, given)
    return int(count)


def note(
    context: Context, work: Work, user_id: UUID, kind: SecurityEventKind, *, is_own: bool = True, **details: Any
) -> SecurityEvent:
    """`details` hold no secret and no address; they are for whoever looks after the house.

    What is not the user's own doing is noted without where it came from, which is nothing for them to read.
    """
    event = _event(context, work, user_id, kind, details)
    if not is_own:
        event.ip_address = event.user_agent = None
    work.session.add(event)
    remember(work.session, event)
    return event


async def signed_in(context: Context, work: Work, user: User, sign_in: SignIn) -> None:
    """Notes it, and writes to the user when it was with a device that they had not used."""
    platform, program = sign_in.device_platform, _program(context.user_agent)
    details = {"proof": sign_in.proof, "platform": platform}
    event = _event(context, work, user.id, SecurityEventKind.SIGNED_IN, details)
    used = await work.run(_SIGNED_IN, {"of_user": user.id, **values_of(event)})
    remember(work.session, event, is_written=True)
    known = {(before, _program(agent)) for before, agent in used}
    # Not for the first sign-in of all, which is a new device of a new user.
    if user.email_verified_at is not None and known and (platform, program) not in known:
        await owed.notice(
            work,
            user,
            SecurityEventKind.SIGNED_IN,
            device=sign_in.device_name or (context.user_agent and context.user_agent[:100]),
            ip_address=context.ip_address,
        )


def _event(
    context: Context, work: Work, user_id: UUID, kind: SecurityEventKind, details: dict[str, Any]
) -> SecurityEvent:
    return SecurityEvent(
        user_id=user_id,
        kind=kind,
        at=work.now,
        ip_address=context.ip_address,
        user_agent=context.user_agent and context.user_agent[:500],
        details=details,
    )


def _program(user_agent: str | None) -> str:
    return _VERSION.sub("", (user_agent or "")[:500])
