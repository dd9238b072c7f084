"""Whether an account has a second factor, and whether a code is good."""

from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select, true, update
from sqlmodel import col

from models import RecoveryCode, SecurityEventKind, Totp, User
from resolvers import security
from resolvers.context import Context
from resolvers.keyring import Keyring
from resolvers.mail import owed
from resolvers.second_factor import codes
from resolvers.second_factor.tries import refuse_too_many
from resolvers.work import Work
from storage.statement import compiled

SEAL: Final = "totp"
_IS_ON: Final = compiled(select(Totp.is_on(bindparam("user_id", type_=Uuid()))))


async def is_on(work: Work, user_id: UUID) -> bool:
    [row] = await work.run(_IS_ON, {"user_id": user_id})
    return bool(row[0])


async def check(
    context: Context, work: Work, user_id: UUID, code: str, path: tuple[str, ...] = ("input", "code")
) -> bool:
    """Whether it is a code of now that was not used, or a recovery code; either is used up by that.

    Whoever calls this holds the user's row, and has `failed` count a wrong code. Raises Locked.
    """
    plain = codes.plain(code)
    await refuse_too_many(context, work, user_id, plain, path)
    if codes.is_totp(plain):
        totp = await held(work, user_id)
        return totp is not None and totp.confirmed_at is not None and matches(context, work, totp, plain)
    recovery = codes.recovery_code_of(plain)
    return recovery is not None and await _use_up(context, work, user_id, recovery)


async def held(work: Work, user_id: UUID) -> Totp | None:
    """Their secret, confirmed or not, which nobody else changes meanwhile."""
    return await work.session.get(Totp, user_id, with_for_update=True, populate_existing=True)


def matches(context: Context, work: Work, totp: Totp, plain: str) -> bool:
    """Whether it is a code of now after the last one used, which it is from then on."""
    about, keyring = totp.user_id.bytes, context.parts.keyring
    secret = keyring.open(SEAL, totp.secret, about)
    step = codes.step_of(secret, plain, work.now, totp.last_step)
    if step is None:
        return False
    # Sealed anew each time, so that a secret which was replaced can be forgotten some day.
    totp.secret, totp.last_step = keyring.seal(SEAL, secret, about), step
    return True


def reseal(keyring: Keyring, totp: Totp) -> None:
    """Under the secret of today. Raises Unreadable."""
    about = totp.user_id.bytes
    totp.secret = keyring.seal(SEAL, keyring.open(SEAL, totp.secret, about), about)


async def _use_up(context: Context, work: Work, user_id: UUID, code: str) -> bool:
    used = await work.session.scalar(
        update(RecoveryCode)
        .where(col(RecoveryCode.hash) == codes.hash_of(user_id, code), col(RecoveryCode.used_at).is_(None))
        .values(used_at=work.now)
        .returning(true())
        .execution_options(synchronize_session=False)
    )
    if used is None:
        return False
    left = await work.session.scalar(select(RecoveryCode.left(user_id)))
    security.note(context, work, user_id, SecurityEventKind.RECOVERY_CODE_USED, left=left)
    user = await work.session.get_one(User, user_id)
    await owed.notice(work, user, SecurityEventKind.RECOVERY_CODE_USED, left=left)
    return True
