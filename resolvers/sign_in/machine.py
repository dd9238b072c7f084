"""The states of a sign-in. Each waits for one thing; what comes after it is asked of the account each time."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlmodel import col

from models import ChallengeKind, Proof, SignIn, User
from models.refusal import ACCOUNT_GONE, Expired, Forbidden, Refusal, Unauthenticated, WrongCredentials
from models.session import DevicePlatform
from models.sign_in import LIFETIME, TRIES, WAITING_LIMIT
from resolvers import attempts, guest, second_factor, security, session
from resolvers.context import Context, Viewer
from resolvers.mail import owed
from resolvers.session import Device, Tokens
from resolvers.session.revoking import hold
from resolvers.sign_in import steps
from resolvers.token import hash_of, opaque_token
from resolvers.work import Work

_OVER: Final = "This sign-in is over. Begin anew."


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is due before there is a session."""

    kind: ChallengeKind
    token: str = field(repr=False)
    expires_at: datetime


Outcome = Tokens | Challenge


async def check_token(context: Context) -> None:
    """First of all in each way in. Raises the refusal of a token that was sent, was a guest's, and is good no more.

    Who came in over it all the same would find nothing of what the guest has, and not be told. Anybody else signs in
    because their token is good no more.
    """
    caller = context.caller
    if isinstance(caller, Unauthenticated) and caller.user_id is not None:
        async with context.reading() as rows:
            is_guest = await rows.scalar(select(col(User.is_guest)).where(col(User.id) == caller.user_id))
        # Or one whom somebody has taken in already.
        if is_guest is not False:
            raise caller


async def begin(
    context: Context,
    work: Work,
    user: User,
    proof: Proof,
    device: Device | None,
    *,
    second_factor_passed: bool = False,
    is_held: bool = False,
) -> Outcome:
    """After a proof of who it is. The user's row is held until the work ends, from here on unless `is_held` already.

    `second_factor_passed` is for a proof that is two factors by itself: a passkey that has verified its user. Raises
    Forbidden for an account that is disabled, WrongCredentials for one that is gone, Unauthenticated for a token that
    is no good or of somebody who is gone.
    """
    if not is_held:
        await _hold(work, user)
    guest_id = await _guest_of(context, work)
    sign_in = SignIn(
        token_hash=b"",
        user_id=user.id,
        proof=proof,
        due=ChallengeKind.TOTP,
        second_factor_passed=second_factor_passed,
        device_name=device.name if device else None,
        device_platform=device.platform if device else None,
        uses_cookie=context.wants_cookie,
        guest_id=guest_id,
        guest_session_id=context.session_id if guest_id else None,
        created_at=work.now,
        expires_at=work.now + LIFETIME,
    )
    return await _next(context, work, sign_in, user)


async def _hold(work: Work, user: User) -> None:
    """Whoever disables the account or changes its password, and ends its sessions, comes before this or after it."""
    # Of this work, whatever it was read by.
    work.session.add(user)
    await work.session.flush()
    held = await work.session.scalar(
        select(User)
        .where(col(User.id) == user.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if held is None:
        raise WrongCredentials(ACCOUNT_GONE, "input")


async def go_on(context: Context, token: str, given: steps.Given) -> Outcome:
    """The next step. A wrong code counts although it is refused; after a few the sign-in is over.

    Raises Expired for a token that is unknown, used or over, and what the step raises.
    """
    async with context.work() as work:
        found = await _waiting(work, token)
    prepared = await steps.prepared(context, *found, given)
    async with context.work() as work:
        sign_in, user = await _waiting(work, token, found[1].id)
        try:
            # What a step has begun to write is gone with its refusal.
            async with work.session.begin_nested():
                await steps.MET_BY[ChallengeKind(sign_in.due)](context, work, sign_in, user, prepared)
        except Refusal as refusal:
            refused = refusal
            if isinstance(refusal, WrongCredentials):
                await _count(context, work, sign_in, prepared)
        else:
            return await _next(context, work, sign_in, user)
    raise refused


async def _count(context: Context, work: Work, sign_in: SignIn, given: steps.Given) -> None:
    """Of what can be guessed: against the account, and against this sign-in."""
    await second_factor.failed(context, work, sign_in.user_id, given.code or "")
    sign_in.tries += 1
    if sign_in.tries >= TRIES:
        await work.session.delete(sign_in)


async def _next(context: Context, work: Work, sign_in: SignIn, user: User) -> Outcome:
    """The next challenge, or the session where nothing is due any more."""
    if user.disabled_at is not None:
        raise Forbidden("This account is disabled.", "input")
    due = await _due(context, work, sign_in, user)
    if due is None:
        return await _end(context, work, sign_in, user)
    token = opaque_token()
    sign_in.token_hash, sign_in.due, sign_in.tries = hash_of(token), due, 0
    work.session.add(sign_in)
    await work.session.flush()
    surplus = (
        select(col(SignIn.id))
        .where(col(SignIn.user_id) == user.id)
        .order_by(col(SignIn.created_at).desc(), col(SignIn.id).desc())
        .offset(WAITING_LIMIT)
    )
    await work.session.execute(delete(SignIn).where(col(SignIn.id).in_(surplus)))
    if due == ChallengeKind.VERIFY_EMAIL:
        # Whoever lost the first mail has no session to ask for another with.
        await owed.verification(work, user, attempts.asker(context))
    return Challenge(due, token, sign_in.expires_at)


async def _due(context: Context, work: Work, sign_in: SignIn, user: User) -> ChallengeKind | None:
    if not sign_in.second_factor_passed and await second_factor.is_on(work, user.id):
        return ChallengeKind.TOTP
    if user.password_is_temporary and sign_in.proof == Proof.PASSWORD:
        return ChallengeKind.NEW_PASSWORD
    if context.parts.rules.verified_to_sign_in and user.email is not None and user.email_verified_at is None:
        return ChallengeKind.VERIFY_EMAIL
    return None


async def _end(context: Context, work: Work, sign_in: SignIn, user: User) -> Tokens:
    device = None
    if sign_in.device_name is not None and sign_in.device_platform is not None:
        device = Device(sign_in.device_name, DevicePlatform(sign_in.device_platform))
    if sign_in in work.session:
        await work.session.delete(sign_in)
    tokens = await session.begin(context, work, user, device, uses_cookie=sign_in.uses_cookie)
    if sign_in.guest_id is not None and sign_in.guest_id != user.id:
        await guest.take_in(context, work, sign_in.guest_id, user, over=sign_in.guest_session_id)
    await security.signed_in(context, work, user, sign_in)
    return tokens


async def _waiting(work: Work, token: str, user_id: UUID | None = None) -> tuple[SignIn, User]:
    """Both held until the work ends where the user is given, who comes first, as everywhere. Raises Expired."""
    waiting = (
        select(SignIn, User)
        .join(User, col(User.id) == SignIn.user_id)
        .where(col(SignIn.token_hash) == hash_of(token), col(SignIn.expires_at) > work.now)
    )
    if user_id is not None:
        await hold(work, user_id)
        waiting = waiting.with_for_update(of=SignIn).execution_options(populate_existing=True)
    row = (await work.session.execute(waiting)).one_or_none()
    if row is None:
        raise Expired(_OVER, "input", "challengeToken")
    return row.SignIn, row.User


async def _guest_of(context: Context, work: Work) -> UUID | None:
    """The guest over whose session this begins; None where it begins over none, or over a user's."""
    if not isinstance(context.caller, Viewer):
        return None
    viewer_id = context.caller.user_id
    is_guest = await work.session.scalar(select(col(User.is_guest)).where(col(User.id) == viewer_id))
    if is_guest is None:
        # A guest who was taken in a moment ago: where the answer was lost, this is sent again.
        raise Unauthenticated(ACCOUNT_GONE)
    return viewer_id if is_guest else None
