"""What somebody may have left at an account with another's address, to come back in by when that one has taken it."""

from typing import Any, Final

from sqlalchemy import delete, or_, select
from sqlmodel import col

from models import (
    ChallengeKind,
    Identity,
    IdentityRequest,
    Passkey,
    PasskeyChallenge,
    Proof,
    RecoveryCode,
    SecurityEventKind,
    SignIn,
    Totp,
    User,
)
from resolvers import security
from resolvers.context import Context
from resolvers.identity import unlinking
from resolvers.mail import owed
from resolvers.passkey import removing
from resolvers.work import Work

#: Goes with a key, or needs none of its own to be shown.
_BESIDE: Final = (PasskeyChallenge, IdentityRequest, RecoveryCode)


async def clear(context: Context, work: Work, user: User) -> None:
    """Leaves no way in but the password, which a reset replaces, and no second factor; the user is held.

    They are told of each by the address that they have just confirmed.
    """
    for passkey in await work.session.scalars(select(Passkey).where(col(Passkey.user_id) == user.id)):
        await removing.drop(context, work, user, passkey)
    for identity in await work.session.scalars(select(Identity).where(col(Identity.user_id) == user.id)):
        await unlinking.drop(context, work, user, identity)
    # One that was not confirmed could be so later, by whoever has seen its secret.
    gone = delete(Totp).where(col(Totp.user_id) == user.id).returning(col(Totp.confirmed_at))
    if await work.session.scalar(gone) is not None:
        security.note(context, work, user.id, SecurityEventKind.TWO_FACTOR_DISABLED)
        await owed.notice(work, user, SecurityEventKind.TWO_FACTOR_DISABLED)
    for beside in _BESIDE:
        await _delete(work, beside, col(beside.user_id) == user.id)
    # Whoever has shown the password, and waits for the link, could sign in with it anew.
    others = or_(col(SignIn.proof) != Proof.PASSWORD, col(SignIn.due) != ChallengeKind.VERIFY_EMAIL)
    await _delete(work, SignIn, col(SignIn.user_id) == user.id, others)


async def _delete(work: Work, table: Any, *which: Any) -> None:
    await work.session.execute(delete(table).where(*which).execution_options(synchronize_session=False))
