"""What an invitation's mail says, and the token in its link."""

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from models import Book, Invitation, InvitationToken, Role, User
from models.refusal import Expired, NotFound
from models.user import Language
from resolvers.mail.mails import InvitationMail
from resolvers.token import hash_of
from resolvers.work import Work

#: Mails that one person's invitations may send in a day, those of one invitation, and those to one address by all.
MAILS_A_DAY: Final = 100
#: Anybody is a guest as often as they like.
MAILS_A_DAY_OF_GUEST: Final = 10
MAILS_A_DAY_EACH: Final = 3
MAILS_A_DAY_TO: Final = 10
_DAY: Final = timedelta(days=1)
#: Bytes of a token.
_TOKEN: Final = 32
#: The first of the two keys of an advisory lock: "mail" in ASCII.
_LOCK: Final = 0x6D61696C


class TooMany(Exception):
    """Enough was sent today. The invitation stands, and is found without a mail."""


async def mail_of(work: Work, id: UUID, *, job: int, address: str) -> InvitationMail | None:
    """With a token of its own; None when there is nothing to accept any more. Raises TooMany."""
    inviter, invited = aliased(User), aliased(User)
    found = await work.session.execute(
        select(Invitation, col(Book.title), inviter, col(invited.language))
        .join(Book, col(Book.id) == Invitation.book_id)
        .outerjoin(inviter, col(inviter.id) == Invitation.invited_by)
        .outerjoin(invited, User.owns(col(Invitation.email), invited))
        .where(col(Invitation.id) == id, Invitation.is_open(work.now), col(Book.deleted_at).is_(None))
    )
    row = found.one_or_none()
    if row is None:
        return None
    invitation, title, sender, language = row
    await _count(work, invitation, job, MAILS_A_DAY_OF_GUEST if sender and sender.is_guest else MAILS_A_DAY)
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


async def _count(work: Work, invitation: Invitation, job: int, of_sender: int) -> None:
    """Counts the mail against every limit, or raises TooMany."""
    mailbox = _mailbox(invitation.email)
    named = col(InvitationToken.invitation_id)
    limits = [(invitation.id, named == invitation.id, MAILS_A_DAY_EACH), (mailbox, named == mailbox, MAILS_A_DAY_TO)]
    if invitation.invited_by is not None:
        limits.append((invitation.invited_by, col(InvitationToken.sent_by) == invitation.invited_by, of_sender))
    # Whoever counts the same waits until this one is counted; in one order, so that nobody waits in a circle.
    for lock in sorted(int.from_bytes(of.bytes[-4:], signed=True) for of, _, _ in limits):
        await work.session.execute(select(func.pg_advisory_xact_lock(_LOCK, lock)))
    for _, which, most in limits:
        # By jobs, since each try of one makes a token.
        sent = select(func.count(col(InvitationToken.job_id).distinct())).where(
            which, col(InvitationToken.made_at) > work.now - _DAY, col(InvitationToken.job_id) != job
        )
        if (await work.session.scalar(sent) or 0) >= most:
            raise TooMany
    # No link of anybody's: what is sent to an address counts also when its invitation is gone.
    work.session.add(
        InvitationToken(
            hash=secrets.token_bytes(_TOKEN),
            invitation_id=mailbox,
            job_id=job,
            made_at=work.now,
            expires_at=work.now + _DAY,
        )
    )


def _mailbox(address: str) -> UUID:
    """Stands for the address, whatever its capitals, where an invitation's id stands otherwise."""
    return UUID(bytes=sha256(address.casefold().encode()).digest()[:16])
