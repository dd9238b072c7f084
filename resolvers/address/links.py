"""Links that are mailed: made when the mail is sent, good once, and only while they are about something."""

import secrets
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlmodel import col

from models import EmailLink, Purpose, User
from models.email_link import LIFETIMES
from models.refusal import Expired
from resolvers.address.holders import may_be_reset
from resolvers.token import hash_of
from resolvers.work import Work

#: Bytes of a token.
_TOKEN: Final = 32
OVER: Final = "This link is no longer good. Ask for a new one."


async def make(work: Work, user_id: UUID, purpose: Purpose, email: str) -> str | None:
    """The token of a new link, which ends the older ones.

    None when there is nothing to link to any more: then there is nothing to mail either.
    """
    user = await work.session.scalar(
        # One link at a time: of two that are made at once, one is the newer.
        select(User)
        .where(col(User.id) == user_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if user is None or user.disabled_at is not None or not await _is_due(work, user, purpose, email):
        return None
    token = secrets.token_urlsafe(_TOKEN)
    await _replace(work, user_id, purpose, email, hash_of(token))
    return token


async def intend(work: Work, user_id: UUID, email: str) -> None:
    """Says that an address is to become this one: without that no link to CHANGE it is made.

    Whatever ends the links of a user so ends those too whose mail has not left yet.
    """
    await _replace(work, user_id, Purpose.CHANGE, email, secrets.token_bytes(_TOKEN))


async def named(work: Work, token: str, *purposes: Purpose) -> EmailLink:
    """The link that was mailed with this token. Raises Expired for one that is unknown, used or over."""
    link = await work.session.scalar(
        select(EmailLink).where(
            col(EmailLink.hash) == hash_of(token),
            col(EmailLink.purpose).in_(purposes),
            col(EmailLink.used_at).is_(None),
            col(EmailLink.expires_at) > work.now,
        )
    )
    if link is None:
        raise Expired(OVER)
    return link


async def use(work: Work, link: EmailLink, user: User | None) -> User:
    """Of many who use it at once, one, while it is still about the user's address; the user is held.

    Raises Expired for the others, and for a link that something else has ended meanwhile.
    """
    used = await work.session.scalar(
        update(EmailLink)
        .where(col(EmailLink.hash) == link.hash, col(EmailLink.used_at).is_(None))
        .values(used_at=work.now)
        .returning(col(EmailLink.hash))
        .execution_options(synchronize_session=False)
    )
    if used is None or user is None or (link.purpose != Purpose.CHANGE and user.email != link.email):
        raise Expired(OVER)
    if link.purpose == Purpose.RESET and not await may_be_reset(work, user):
        raise Expired(OVER)
    return user


async def end(work: Work, user_id: UUID, *purposes: Purpose) -> None:
    """Ends the user's links for these purposes, and what is to be mailed for a changed address."""
    await work.session.execute(
        delete(EmailLink).where(col(EmailLink.user_id) == user_id, col(EmailLink.purpose).in_(purposes))
    )


async def _is_due(work: Work, user: User, purpose: Purpose, email: str) -> bool:
    if purpose == Purpose.CHANGE:
        intended = select(col(EmailLink.hash)).where(
            col(EmailLink.user_id) == user.id,
            col(EmailLink.purpose) == purpose,
            col(EmailLink.email) == email,
            col(EmailLink.used_at).is_(None),
            col(EmailLink.expires_at) > work.now,
        )
        return await work.session.scalar(intended.limit(1)) is not None
    if user.email != email:
        return False
    if purpose == Purpose.VERIFY:
        return user.email_verified_at is None
    return await may_be_reset(work, user)


async def _replace(work: Work, user_id: UUID, purpose: Purpose, email: str, hash: bytes) -> None:
    await end(work, user_id, purpose)
    work.session.add(
        EmailLink(
            hash=hash,
            user_id=user_id,
            purpose=purpose,
            email=email,
            made_at=work.now,
            expires_at=work.now + LIFETIMES[purpose],
        )
    )
    await work.session.flush()
