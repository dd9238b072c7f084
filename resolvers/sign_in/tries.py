"""Passwords that are tried: how many may be wrong, how many under way, and what their owner is told of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from models import Attempt, User
from models.id import new_id
from models.refusal import Unavailable
from models.security_event import SecurityEventKind as Kind
from resolvers import attempts, security
from resolvers.attempts import Allowance, Try, neighbourhood
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.work import Work

_WINDOW: Final = timedelta(minutes=5)
_LOCKED: Final = "Too many wrong passwords. Try again in {minutes}, or set a new one by mail."
#: Of one address from one IP address, wrong or under way: whoever owns it can still come in from elsewhere.
OF_ADDRESS: Final = Allowance("sign in", 10, _WINDOW, _LOCKED)
#: Wrong ones from one IP address, of all addresses; times the factor of the rates. A school comes at once.
FROM_ANYBODY: Final = Allowance("sign in from", 600, _WINDOW, _LOCKED)
#: Sign-ins under way from one IP address, in one process: of the hashes that may wait there some are left to others.
UNDER_WAY: Final = 150
#: Wrong passwords that an account's owner is shown, and locks that they are shown and told of by mail.
FAILURES_A_DAY: Final = 20
LOCKS_A_DAY: Final = 3
#: The key of what is written for no other reason than that it takes its time.
_NOBODYS: Final = b""


@contextmanager
def under_way(context: Context) -> Iterator[None]:
    """Raises Unavailable where too many are."""
    there, place = context.parts.signing_in, neighbourhood(context.ip_address)
    if there[place] >= UNDER_WAY:
        raise Unavailable("Too many people are signing in. Try again in a moment.")
    there[place] += 1
    try:
        yield
    finally:
        there[place] -= 1
        if not there[place]:
            del there[place]


async def take(context: Context, address: str, message: str | None = None) -> Try:
    """Before a password of this address is looked at. Raises Locked, with this message."""
    place = neighbourhood(context.ip_address)
    of_address, from_anybody = OF_ADDRESS, _from_anybody(context)
    if message is not None:
        of_address, from_anybody = replace(of_address, message=message), replace(from_anybody, message=message)
    counted = of_address, (address.casefold(), place)
    return await attempts.take_all(context, counted, of_wrong=[(from_anybody, (place,))])


async def was_wrong(context: Context, work: Work) -> None:
    """Counts it among all that were wrong from there."""
    await attempts.add(context, work, _from_anybody(context), neighbourhood(context.ip_address))


async def failed(context: Context, user_id: UUID | None, tried: Try) -> None:
    """Writes as much whether there is an account or not, and whether its owner is told: what takes longer would tell.

    All but the mail about a lock, of which there are too few for anybody to measure.
    """
    kind, most = (Kind.SIGN_IN_LOCKED, LOCKS_A_DAY) if tried.is_last else (Kind.SIGN_IN_FAILED, FAILURES_A_DAY)
    async with context.work() as work:
        await was_wrong(context, work)
        if await security.noted_today(work, user_id or new_id(), kind) >= most or user_id is None:
            work.session.add(Attempt(key=_NOBODYS, at=work.now))
            return
        security.note(context, work, user_id, kind)
        if tried.is_last:
            user = await work.session.get(User, user_id)
            if user is not None and user.email_verified_at is not None:
                await owed.notice(work, user, kind, ip_address=context.ip_address)


def _from_anybody(context: Context) -> Allowance:
    return replace(FROM_ANYBODY, limit=max(1, round(FROM_ANYBODY.limit * context.parts.rules.rate_factor)))
