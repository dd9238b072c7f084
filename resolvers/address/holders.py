"""Whose an address is: of one who has confirmed it, or else of several who say so."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import Select, Text, cast, exists, func, or_, select
from sqlmodel import col

from models import Identity, Passkey, SecurityEventKind, Totp, User
from models.refusal import Taken
from resolvers import security
from resolvers.context import Context
from resolvers.work import Work

#: The first of the two keys of an advisory lock: "addr" in ASCII.
_LOCK: Final = 0x61646472


async def hold(work: Work, email: str) -> None:
    """Nobody else signs up with the address or confirms it until this work ends."""
    folded = func.casefold(cast(email, Text).collate("pg_unicode_fast"))
    await work.session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(folded))))


async def is_confirmed(work: Work, email: str) -> bool:
    """Whether it is somebody's own."""
    return bool(await work.session.scalar(select(exists().where(User.owns(email)))))


async def held(work: Work, user_id: UUID, email: str) -> tuple[User | None, list[User]]:
    """The user, and all others who have the address, held until the work ends. Comes before any other lock in it."""
    await hold(work, email)
    rows = await work.session.scalars(
        select(User)
        .where(or_(col(User.id) == user_id, User.has(email)))
        # In one order, so that nobody waits in a circle.
        .order_by(col(User.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    people = list(rows)
    user = next((each for each in people if each.id == user_id), None)
    return user, [each for each in people if each.id != user_id]


async def confirm(context: Context, work: Work, user: User, email: str, others: list[User]) -> None:
    """Makes the address the user's own, and takes it from others who only said that it is theirs; all are held.

    Raises Taken when another has confirmed it.
    """
    if any(each.email_verified_at is not None for each in others):
        raise Taken("Somebody else has confirmed this address.")
    # Where its owner came from is nothing to them.
    unseen = replace(context, ip_address=None, user_agent=None)
    for other in others:
        other.email = None
        security.note(unseen, work, other.id, SecurityEventKind.EMAIL_LOST)
    if user.email_verified_at is None or user.email != email:
        user.email, user.email_verified_at = email, work.now
    await work.session.flush()


async def comes_first(work: Work, user_id: UUID, email: str) -> bool:
    """Whether the user has confirmed the address; where nobody has, whether nobody has had it for longer."""
    unconfirmed = col(User.email_verified_at).is_(None)
    first = select(col(User.id)).where(User.has(email)).order_by(unconfirmed, col(User.created_at), col(User.id))
    return await work.session.scalar(first.limit(1)) == user_id


async def to_reset(work: Work, email: str) -> User | None:
    """Whose password whoever reads this address' mail may set; None for nobody's."""
    user = await work.session.scalar(_first(email))
    return user if user is not None and user.disabled_at is None and await may_be_reset(work, user) else None


async def may_be_reset(work: Work, user: User) -> bool:
    """The confirmed owner's; else of who has had the address for longest, if there is no way in but a password.

    Whoever signs up with another's address and leaves a key of their own there would else have a way into what that
    one takes for theirs, after a reset. The way for these is to sign up: confirming takes the address away.
    """
    if user.email is None or user.email_verified_at is not None:
        return user.email is not None
    first = await work.session.scalar(_first(user.email))
    keys = [exists().where(col(each.user_id) == user.id) for each in (Passkey, Identity, Totp)]
    return first is not None and first.id == user.id and not await work.session.scalar(select(or_(*keys)))


def _first(email: str) -> Select[User]:
    """Whom a password is of, as signing in has it: whoever squats on an address comes later, and shuts out nobody."""
    unconfirmed = col(User.email_verified_at).is_(None)
    return (
        select(User)
        .where(User.has(email), or_(~unconfirmed, col(User.password_hash).is_not(None)))
        .order_by(unconfirmed, col(User.created_at), col(User.id))
        .limit(1)
    )
