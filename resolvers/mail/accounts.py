"""What is said of an account, to whoever has its address."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Purpose, SecurityEvent, SecurityEventKind, User
from models.email_link import LIFETIMES
from models.user import Language
from resolvers import security
from resolvers.address import holders, links
from resolvers.context import Context
from resolvers.mail.mails import Facts, NoticeMail, PasswordResetMail, VerificationMail
from resolvers.work import Work

#: Requests that an owner is shown of a day.
REQUESTS_A_DAY: Final = 5


async def verification_of(
    work: Work, user_id: UUID, email: str, purpose: Purpose, *, address: str
) -> VerificationMail | None:
    """None when the address is confirmed by now, or no longer theirs or to be."""
    user = await work.session.get(User, user_id)
    token = await links.make(work, user_id, purpose, email)
    if user is None or token is None:
        return None
    is_change = purpose == Purpose.CHANGE
    return VerificationMail(
        to=email,
        at=work.now,
        language=Language(user.language),
        is_change=is_change,
        made_at=None if is_change else user.created_at,
        ip_address=None if is_change else await _made_from(work, user_id),
        # Behind a #, so that neither a server's log nor a Referer ever has it.
        link=f"{address}/verify-email#{token}",
        expires_at=work.now + LIFETIMES[purpose],
    )


async def _made_from(work: Work, user_id: UUID) -> str | None:
    made = col(SecurityEvent.user_id) == user_id, col(SecurityEvent.kind) == SecurityEventKind.SIGNED_UP
    at = col(SecurityEvent.at), col(SecurityEvent.id)
    return await work.session.scalar(select(col(SecurityEvent.ip_address)).where(*made).order_by(*at).limit(1))


async def reset_of(context: Context, work: Work, email: str, *, address: str, job: int) -> PasswordResetMail | None:
    """None when nobody's password may be set by whoever reads the mail of this address. The context is of who asked,
    and the job what makes it, for the owner to be shown it once.

    It goes to the address as the account has it, and not as it was typed: what is the same but for its capitals may be
    another mailbox.
    """
    user = await holders.to_reset(work, email)
    if user is None or user.email is None:
        return None
    token = await links.make(work, user.id, Purpose.RESET, user.email)
    if token is None:
        return None
    await _note_request(context, work, user, job)
    return PasswordResetMail(
        to=user.email,
        at=work.now,
        language=Language(user.language),
        ip_address=context.ip_address,
        link=f"{address}/reset-password#{token}",
        expires_at=work.now + LIFETIMES[Purpose.RESET],
    )


async def _note_request(context: Context, work: Work, user: User, job: int) -> None:
    """Once however often it is tried, and so often a day; the user is held."""
    kind = SecurityEventKind.PASSWORD_RESET_REQUESTED
    noted = await work.session.scalars(
        select(SecurityEvent.details["job"].astext)
        .where(
            col(SecurityEvent.user_id) == user.id,
            col(SecurityEvent.kind) == kind,
            col(SecurityEvent.at) > work.now - timedelta(days=1),
        )
        .limit(REQUESTS_A_DAY)
    )
    today = noted.all()
    if len(today) < REQUESTS_A_DAY and str(job) not in today:
        security.note(context, work, user.id, kind, job=job)


async def notice_of(
    work: Work, user_id: UUID, to: str, kind: SecurityEventKind, at: datetime, facts: Facts, *, address: str
) -> NoticeMail | None:
    """None when the account is no more."""
    user = await work.session.get(User, user_id)
    if user is None:
        return None
    return NoticeMail(
        to=to,
        at=at,
        language=Language(user.language),
        kind=kind,
        facts=facts,
        link=f"{address}/account/security",
    )
