"""Accounts, as whoever runs the house sees and changes them."""

import secrets
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import SecurityEventKind, Session, User
from models.id import inside, outside
from models.refusal import Conflict, NotFound, Taken
from models.user import Language, checked_email, checked_name
from resolvers import access, administration, security
from resolvers.address import holders
from resolvers.administration import COMMAND_LINE
from resolvers.context import Context, Parts
from resolvers.session.revoking import hold, revoke_where
from resolvers.work import Work

#: Bytes of chance in a password that we make.
_CHANCE: Final = 15
#: Accounts that are told apart for whoever has named them all by one address.
_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Made:
    email: str
    id: str
    #: None where somebody has chosen it.
    password: str | None = field(repr=False)


async def create(parts: Parts, email: str, name: str, language: Language, password: str | None) -> Made:
    """An account with a confirmed address. Raises Invalid for a bad value, Taken for an address that is confirmed."""
    context = Context(parts, None)
    address, name = checked_email(email), checked_name(name)
    made = secrets.token_hex(_CHANCE) if password is None else None
    hash = await parts.passwords.choose(made or password or "", (name, address))
    user = User(name=name, language=language, password_hash=hash, password_is_temporary=made is not None)
    async with context.work() as work:
        _, others = await holders.held(work, user.id, address)
        if any(each.email_verified_at is not None for each in others):
            raise Taken("There is an account with this address.")
        work.session.add(user)
        await work.session.flush()
        security.note(context, work, user.id, SecurityEventKind.SIGNED_UP, by=COMMAND_LINE)
        await holders.confirm(context, work, user, address, others)
    return Made(address, outside("us", user.id), made)


async def disable(parts: Parts, who: str) -> int:
    """How many sessions that has ended. It can be repeated."""
    context = Context(parts, None)
    async with context.work() as work:
        return await administration.disable(context, work, await _held(work, who), COMMAND_LINE)


async def enable(parts: Parts, who: str) -> None:
    context = Context(parts, None)
    async with context.work() as work:
        administration.enable(context, work, await _held(work, who), COMMAND_LINE)


async def promote(parts: Parts, who: str) -> None:
    """It can be repeated. Raises Conflict for an account that is none to trust, by whatever it was named."""
    context = Context(parts, None)
    async with context.work() as work:
        user = await _held(work, who)
        # Anybody can say that an address is theirs.
        if "@" in who and user.email_verified_at is None:
            raise Conflict(f"Nobody has confirmed {who}. Confirm it first, or name the account by its id.")
        await administration.promote(context, work, user, COMMAND_LINE)


async def demote(parts: Parts, who: str) -> None:
    """It can be repeated."""
    context = Context(parts, None)
    async with context.work() as work:
        await administration.demote(context, work, await _held(work, who), COMMAND_LINE)


async def confirm(parts: Parts, who: str) -> str:
    """The address, which is theirs alone from here on. It can be repeated. Raises Conflict for who has none."""
    context = Context(parts, None)
    async with context.work() as work:
        id = await _named(work, who)
        email = await work.session.scalar(select(col(User.email)).where(col(User.id) == id))
        user, others = await holders.held(work, id, email or "")
        if email is None or user is None or user.email != email:
            raise Conflict(f"{who} has no address, or another one by now.")
        if user.email_verified_at is None:
            await holders.confirm(context, work, user, email, others)
            security.note(context, work, user.id, SecurityEventKind.EMAIL_VERIFIED, by=COMMAND_LINE)
        return email


async def sessions(parts: Parts, who: str) -> list[Session]:
    """Those that have not ended, newest first."""
    async with Context(parts, None).work() as work:
        id = await _named(work, who)
        seen = select(Session).where(access.session_is_seen(id, work.now)).order_by(col(Session.id).desc())
        return [*await work.session.scalars(seen)]


async def revoke(parts: Parts, who: str, id: str | None) -> int:
    """Ends one session, or all; how many. Raises NotFound for one that is none of theirs, or has ended."""
    context = Context(parts, None)
    async with context.work() as work:
        user_id = await _named(work, who)
        await hold(work, user_id)
        which = [] if id is None else [col(Session.id) == _uuid("se", id)]
        ended = await revoke_where(work, access.session_is_seen(user_id, work.now), *which)
        if id is not None and not ended:
            raise NotFound("They have no such session.")
        for each in ended:
            kind = SecurityEventKind.SESSION_REVOKED
            security.note(context, work, user_id, kind, session_id=str(each), by=COMMAND_LINE)
        return len(ended)


async def _held(work: Work, who: str) -> User:
    user = await work.session.get(User, await _named(work, who), with_for_update={"key_share": True})
    if user is None:
        raise NotFound(f"There is no account {who}.")
    return user


async def _named(work: Work, who: str) -> UUID:
    """By an id, or an address: its confirmed owner. Raises NotFound, Conflict where several only say it is theirs."""
    if "@" not in who:
        found: list[UUID] = [*await work.session.scalars(select(col(User.id)).where(col(User.id) == _uuid("us", who)))]
    else:
        address = checked_email(who)
        found = [*await work.session.scalars(select(col(User.id)).where(User.owns(address)))] or [
            *await work.session.scalars(select(col(User.id)).where(User.has(address)).limit(_NAMED))
        ]
    if not found:
        raise NotFound(f"There is no account {who}.")
    if len(found) > 1:
        listed = ", ".join(outside("us", id) for id in found)
        raise Conflict(f"Nobody has confirmed {who}, and several accounts have it: {listed}.")
    return found[0]


def _uuid(kind: str, id: str) -> UUID | None:
    """With or without the letters of its kind; None for what is neither."""
    return inside(kind, id) or inside(kind, f"{kind}_{id}")
