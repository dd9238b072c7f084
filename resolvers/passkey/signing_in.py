"""The way in with a passkey."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Attempt, Passkey, Proof, SecurityEventKind, User
from models.id import new_id
from models.passkey import PASSKEYS_LIMIT
from models.refusal import Forbidden, Locked, WrongCredentials
from models.user import checked_email
from resolvers import attempts, security
from resolvers.address import holders
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.passkey import challenges, options
from resolvers.passkey.assertion import Assertion, Used
from resolvers.passkey.credential import Unverified
from resolvers.passkey.decoys import KEY_OF_NOBODY, decoys
from resolvers.passkey.options import Descriptor
from resolvers.session import Device
from resolvers.sign_in import Outcome, begin, check_token
from resolvers.sign_in.tries import FAILURES_A_DAY
from resolvers.work import Work

_WINDOW: Final = timedelta(minutes=5)
#: Challenges that wait, from one IP address: each is a row for as long.
BEGUN: Final = attempts.Allowance(
    "passkey challenge", 6_000, _WINDOW, "Too many sign-ins were begun. Try again in {minutes}."
)
#: Answers from one IP address that were no good.
TRIES: Final = attempts.Allowance("passkey", 100, _WINDOW, "Too many passkeys were no good. Try again in {minutes}.")
_WRONG: Final = "This passkey is not known here, or could not be verified. Sign in another way."
_SUSPENDED: Final = (
    "This passkey may have been copied, and is not good any more. Sign in another way, remove it, and add a new one."
)


async def begin_sign_in(context: Context, email: str | None) -> dict[str, Any]:
    """What the browser is to ask for: any passkey, or one of whoever has the address. Raises Invalid, Locked."""
    address = None if email is None else checked_email(email, "email")
    await _take(context, BEGUN)
    async with context.work() as work:
        allowed = [] if address is None else await _allowed(context, work, address)
        # Bound to nobody, or whoever comes with another's passkey would learn whether this one's are made up.
        challenge = await challenges.make(work)
    return options.to_sign_in(context.parts.rules.relying_party, challenge, allowed)


async def sign_in(context: Context, credential: Any, device: Device | None) -> Outcome:
    """A passkey that has verified its user is two factors by itself.

    Raises Invalid, Expired for the challenge, WrongCredentials whether the passkey is unknown or does not fit, Locked,
    Forbidden for one that was copied or an account that is disabled.
    """
    await check_token(context)
    assertion = Assertion.read(credential)
    tried = await _take(context, TRIES)
    await challenges.take(context, assertion.challenge)
    user_id, used = await _verified(context, assertion)
    async with context.work() as work:
        # Whatever becomes of a passkey, its user is held meanwhile: of two uses at once, one sees the other's count.
        user = await work.session.get(User, user_id, with_for_update={"key_share": True})
        passkey = await work.session.scalar(
            select(Passkey).where(col(Passkey.credential_id) == assertion.credential_id)
        )
        # Removed, or its account left, a moment ago.
        if user is None or passkey is None or passkey.user_id != user.id:
            raise WrongCredentials(_WRONG, "credential")
        if passkey.suspended_at is None and not _is_copy(passkey, used):
            passkey.sign_count, passkey.last_used_at = used.sign_count, work.now
            outcome = await begin(
                context, work, user, Proof.PASSKEY, device, second_factor_passed=used.user_verified, is_held=True
            )
            await attempts.give_back(context, tried, work)
            return outcome
        if passkey.suspended_at is None:
            await _suspend(context, work, user, passkey)
    raise Forbidden(_SUSPENDED, "credential")


async def _take(context: Context, allowance: attempts.Allowance) -> attempts.Try:
    try:
        return await attempts.take(context, allowance, attempts.neighbourhood(context.ip_address))
    except Locked as locked:
        raise Locked(locked.message, "credential" if allowance is TRIES else "email") from None


async def _allowed(context: Context, work: Work, address: str) -> list[Descriptor]:
    """Of whoever has confirmed the address, else of those who say that it is theirs; or made up."""
    theirs = User.owns(address) if await holders.is_confirmed(work, address) else User.has(address)
    own = (
        select(Passkey)
        .join(User, col(User.id) == Passkey.user_id)
        .where(theirs, col(Passkey.suspended_at).is_(None))
        .order_by(col(Passkey.id))
        .limit(PASSKEYS_LIMIT)
    )
    found = [Descriptor.of(each) for each in await work.session.scalars(own)]
    return found or decoys(context.parts.keyring, address)


async def _verified(context: Context, assertion: Assertion) -> tuple[UUID, Used]:
    """Whose it is. What is wrong with it is not told, and takes as long whether there is such a passkey or not."""
    known = select(Passkey).where(col(Passkey.credential_id) == assertion.credential_id)
    async with context.reading() as reading:
        passkey = await reading.scalar(known)
    user_id, public_key = (passkey.user_id, passkey.public_key) if passkey else (None, KEY_OF_NOBODY)
    try:
        used = assertion.verify(context.parts.rules.relying_party, public_key)
        if user_id is None or assertion.user_handle not in (None, user_id.bytes):
            raise Unverified
    except Unverified:
        await _failed(context, user_id)
        raise WrongCredentials(_WRONG, "credential") from None
    return user_id, used


async def _failed(context: Context, user_id: UUID | None) -> None:
    """Writes as much for nobody's passkey: the list of an address is made up of either."""
    async with context.work() as work:
        kind = SecurityEventKind.SIGN_IN_FAILED
        noted = await security.noted_today(work, user_id or new_id(), kind, Proof.PASSKEY)
        if noted >= FAILURES_A_DAY or user_id is None:
            work.session.add(Attempt(key=b"", at=work.now))
        else:
            security.note(context, work, user_id, kind, proof=Proof.PASSKEY)


def _is_copy(passkey: Passkey, used: Used) -> bool:
    """WebAuthn, section 6.1.1: of two who count each for themselves, one falls behind. Many do not count at all."""
    return (used.sign_count > 0 or passkey.sign_count > 0) and used.sign_count <= passkey.sign_count


async def _suspend(context: Context, work: Work, user: User, passkey: Passkey) -> None:
    """Nobody can tell which of the two is the owner's."""
    passkey.suspended_at = work.now
    security.note(context, work, user.id, SecurityEventKind.PASSKEY_CLONED, passkey_id=str(passkey.id))
    await owed.notice(work, user, SecurityEventKind.PASSKEY_CLONED, name=passkey.name)
