"""What an invitation's mail says, and the token in its link."""

import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from models import Book, Invitation, InvitationToken, Role, User
from models.refusal import Expired, NotFound
from models.user import Language, same_address
from resolvers.mail.mails import InvitationMail
from resolvers.token import hash_of
from resolvers.work import Work

#: Mails that one person's invitations may send in a day, and those of one invitation.
MAILS_A_DAY: Final = 100
MAILS_A_DAY_EACH: Final = 3
_DAY: Final = timedelta(days=1)
#: Bytes of a token.
_TOKEN: Final = 32


class TooMany(Exception):
    """Enough was sent today. The invitation stands, and is found without a mail."""


async def mail_of(work: Work, id: UUID, *, job: int, address: str) -> InvitationMail | None:
    """With a token of its own; None when there is nothing to accept any more. Raises TooMany."""
    inviter, invited = aliased(User), aliased(User)
    found = await work.session.execute(
        select(Invitation, col(Book.title), inviter, col(invited.language))
        .join(Book, col(Book.id) == Invitation.book_id)
        .outerjoin(inviter, col(inviter.id) == Invitation.invited_by)
        .outerjoin(invited, same_address(col(invited.email), col(Invitation.email)))
        .where(col(Invitation.id) == id, Invitation.is_open(work.now), col(Book.deleted_at).is_(None))
    )
    row = found.one_or_none()
    if row is None:
        return None
    invitation, title, sender, language = row
    await _has_room(work, invitation, job)
    token = secrets.token_urlsafe(_TOKEN)
    work.session.add(
        InvitationToken(
            hash=hash_of(token),
            invitation_id=id,
            sent_by=invitation.invited_by,
            job_id=job,
            made_at=work.now,
            expires_at=invitation.expires_at,
        )
    )
    return InvitationMail(
        to=invitation.email,
        at=invitation.created_at,
        language=Language(language or (sender.language if sender else Language.EN)),
        inviter=sender.name if sender else None,
        title=title,
        role=Role(invitation.role),
        # Behind a #, so that neither a server's log nor a Referer ever has it.
        link=f"{address}/invitation#{token}",
        expires_at=invitation.expires_at,
    )


async def named_by(work: Work, token: str) -> UUID:
    """The invitation that was mailed with this token. Raises NotFound, Expired."""
    found = await work.session.get(InvitationToken, hash_of(token))
    if found is None:
        raise NotFound
    if found.expires_at <= work.now:
        raise Expired("The invitation has expired. Ask for a new one.", "token")
    return found.invitation_id


async def _has_room(work: Work, invitation: Invitation, job: int) -> None:
    # By jobs, since each try of one makes a token.
    sent = select(func.count(col(InvitationToken.job_id).distinct())).where(
        col(InvitationToken.made_at) > work.now - _DAY, col(InvitationToken.job_id) != job
    )
    limits = [(sent.where(col(InvitationToken.invitation_id) == invitation.id), MAILS_A_DAY_EACH)]
    if invitation.invited_by is not None:
        limits.append((sent.where(col(InvitationToken.sent_by) == invitation.invited_by), MAILS_A_DAY))
    for statement, most in limits:
        if (await work.session.scalar(statement) or 0) >= most:
            raise TooMany
