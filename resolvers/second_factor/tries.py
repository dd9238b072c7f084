"""Wrong codes, counted in the work that refuses them: whoever tries holds the user's row, so that none slips by."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, true
from sqlmodel import col

from models import Attempt, SecurityEvent, SecurityEventKind, User
from resolvers import attempts, security
from resolvers.attempts import Allowance, Counted, neighbourhood
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.second_factor import codes
from resolvers.work import Work

#: Wrong codes of one account from one address.
FROM_ONE_ADDRESS: Final = Allowance(
    "second factor", 10, timedelta(minutes=5), "Too many wrong codes. Try again in {minutes}."
)
#: Wrong codes of six digits from all of them together (NIST SP 800-63B allows 100): one is found in ten years.
FROM_ANYWHERE: Final = Allowance(
    "second factor anywhere",
    100,
    timedelta(days=1),
    "Too many wrong codes. Use a recovery code, or try again in {minutes}.",
)


async def failed(context: Context, work: Work, user_id: UUID, code: str) -> None:
    """Counts a wrong code, in a work that is committed although it is refused and holds the user's row."""
    security.note(context, work, user_id, SecurityEventKind.SECOND_FACTOR_FAILED)
    for allowance, of in _counted(context, user_id, codes.plain(code)):
        await attempts.add(context, work, allowance, *of)
        count, _ = await _tried(context, work, allowance, of)
        if count >= allowance.limit:
            await _tell_of_lock(context, work, user_id, allowance)


def _counted(context: Context, user_id: UUID, plain: str) -> Iterator[Counted]:
    """What a wrong code counts against. Nobody guesses a recovery code: it stays a way in for whoever is locked out."""
    yield FROM_ONE_ADDRESS, (str(user_id), neighbourhood(context.ip_address))
    if codes.recovery_code_of(plain) is None:
        yield FROM_ANYWHERE, (str(user_id),)


async def refuse_too_many(context: Context, work: Work, user_id: UUID, plain: str, path: tuple[str, ...]) -> None:
    """Raises Locked for one who may not try this code, whether it is right or wrong."""
    for allowance, of in _counted(context, user_id, plain):
        count, left = await _tried(context, work, allowance, of)
        if count >= allowance.limit:
            raise allowance.refusal(left.total_seconds(), *path)


async def _tried(context: Context, work: Work, allowance: Allowance, of: tuple[str, ...]) -> tuple[int, timedelta]:
    """How often, and after how long it will be less."""
    at = func.clock_timestamp()
    tried = select(func.count(), func.min(Attempt.at), at).where(
        col(Attempt.key) == attempts.key_of(context, allowance, of), col(Attempt.at) > at - allowance.window
    )
    count, first, now = (await work.session.execute(tried)).one()
    return count, first + allowance.window - now if first else timedelta()


async def _tell_of_lock(context: Context, work: Work, user_id: UUID, allowance: Allowance) -> None:
    """Once in its time, however often it begins anew meanwhile."""
    told = select(true()).where(
        col(SecurityEvent.user_id) == user_id,
        col(SecurityEvent.kind) == SecurityEventKind.SIGN_IN_LOCKED,
        col(SecurityEvent.details)["by"].astext == allowance.name,
        col(SecurityEvent.at) > work.now - allowance.window,
    )
    if await work.session.scalar(told.limit(1)):
        return
    security.note(context, work, user_id, SecurityEventKind.SIGN_IN_LOCKED, by=allowance.name)
    user = await work.session.get_one(User, user_id)
    await owed.notice(work, user, SecurityEventKind.SIGN_IN_LOCKED, ip_address=context.ip_address)
