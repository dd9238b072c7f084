"""People: signing up, and who they are."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models import Proof, SecurityEventKind, User
from models.refusal import ACCOUNT_GONE, Checks, Taken, Unauthenticated, Unavailable
from models.user import Language, checked_email, checked_name
from resolvers import attempts, security
from resolvers.address import holders
from resolvers.connection import Keyset
from resolvers.context import Context, Viewer
from resolvers.mail import owed
from resolvers.session import Device, Tokens
from resolvers.sign_in import Outcome, begin, check_token, tries
from resolvers.work import Work

#: How often it is looked again who has the address, where others sign up with it at the same moment.
ROUNDS: Final = 10
_TAKEN: Final = "There is an account with this address. Sign in, or set a new password by mail."
_MANY: Final = "Too many tries with this address. Try again in {minutes}."


@dataclass(frozen=True, slots=True)
class Self:
    """The caller, with what only they may see."""

    id: UUID


def newest(user: Any) -> Keyset:
    """The order in which people are listed: ids of later ones are larger."""
    return Keyset((user.id,), (UUID,))


async def sign_up(
    context: Context,
    *,
    name: str,
    email: str,
    password: str,
    language: Language | None,
    device: Device | None,
    checks: Checks,
) -> Outcome:
    """A new account and its first session; or, where an answer was lost, another session of the account that was made.

    `checks` are what was looked at before. Raises Refusals of all bad values, Taken for an address that is confirmed,
    Locked as signing in does.
    """
    await check_token(context)
    address = email
    hash: str | None = None
    with checks:
        name = checked_name(name, "input", "name")
    with checks:
        address = checked_email(email, "input", "email")
    with checks:
        said = password, (name, address), "input", "password"
        if checks.refused:
            await context.parts.passwords.check(*said)
        else:
            hash = await context.parts.passwords.choose(*said)
    checks.done()
    user = User(name=name, email=address, password_hash=hash, language=language or Language.EN)
    # Counted as a password that is tried, which it is: of the account that was made with this address last.
    tried = await tries.take(context, address, _MANY)
    is_new = False
    try:
        for _ in range(ROUNDS):
            async with context.reading() as reading:
                last = await _last(reading, address)
            is_new = not await context.parts.passwords.match(password, last.password_hash if last else None)
            async with context.work() as work:
                # Whoever signs up with it or confirms it at this moment comes before or after, not in between.
                await holders.hold(work, address)
                if await holders.is_confirmed(work, address):
                    raise Taken(_TAKEN, "input", "email")
                now = await _last(work.session, address, is_held=True)
                if (now and (now.id, now.password_hash)) != (last and (last.id, last.password_hash)):
                    continue
                if is_new:
                    await tries.was_wrong(context, work)
                    return await _begin(context, work, user, device)
                assert now is not None
                outcome = await begin(context, work, now, Proof.PASSWORD, device, is_held=True)
                await attempts.give_back(context, tried, work)
                return outcome
        raise Unavailable("Too many people sign up with this address. Try again in a moment.")
    except BaseException as error:
        # What was compared and is another's stays counted, or it could be guessed so.
        if not is_new or isinstance(error, Taken):
            await attempts.give_back(context, tried)
        raise


async def _begin(context: Context, work: Work, user: User, device: Device | None) -> Outcome:
    work.session.add(user)
    await work.session.flush()
    security.note(context, work, user.id, SecurityEventKind.SIGNED_UP)
    outcome = await begin(context, work, user, Proof.PASSWORD, device, is_held=True)
    if isinstance(outcome, Tokens):
        await owed.verification(work, user, attempts.asker(context))
    return outcome


async def _last(session: AsyncSession, address: str, *, is_held: bool = False) -> User | None:
    """The account that was made with this address last."""
    newest = select(User).where(User.has(address)).order_by(col(User.created_at).desc(), col(User.id).desc()).limit(1)
    return await session.scalar(newest.with_for_update(key_share=True) if is_held else newest)


def gone(context: Context) -> Unauthenticated | None:
    """Why there is no viewer: their account is no more; None where nobody is signed in."""
    return None if context.viewer_id is None else Unauthenticated(ACCOUNT_GONE)


async def enter(context: Context, tokens: Tokens) -> Self:
    """Has the rest of the operation be answered as to the one who has just come in."""
    context.caller = Viewer(tokens.user_id, tokens.session_id, tokens.access_token_expires_at)
    await context.show({"vw": [tokens.user_id]})
    return Self(tokens.user_id)


async def again(context: Context) -> Self:
    """The caller as they are after what they did."""
    await context.show({"vw": [context.viewer.user_id]})
    return Self(context.viewer.user_id)
