"""Changes of a second factor, each by whoever has shown again that it is them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import delete
from sqlmodel import col

from models import RecoveryCode, SecurityEventKind, Totp, User
from models.refusal import Conflict, Expired, WrongCredentials
from resolvers import reauthentication, security
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.reauthentication import prove
from resolvers.second_factor import codes
from resolvers.second_factor.checking import SEAL, check, held, is_on, matches
from resolvers.second_factor.tries import failed, refuse_too_many
from resolvers.work import Work

#: From showing a secret to its first code.
PENDING: Final = timedelta(minutes=15)
_IS_ON: Final = "The second factor is on already. Turn it off first."
_WRONG: Final = "The code is wrong, or was used already."


@dataclass(frozen=True, slots=True)
class Secret:
    """What an authenticator needs, shown until it is confirmed."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


async def begin(context: Context, password: str | None) -> Secret:
    """A secret, which replaces one that was not confirmed. Raises Conflict where it is on."""
    proven = await prove(context, password, "password")
    secret = codes.new_secret()
    async with context.work() as work:
        user = await proven.user(work)
        totp = await held(work, user.id)
        if totp is not None and totp.confirmed_at is not None:
            raise Conflict(_IS_ON)
        sealed = context.parts.keyring.seal(SEAL, secret, user.id.bytes)
        await work.session.merge(Totp(user_id=user.id, secret=sealed, created_at=work.now))
    return Secret(codes.shown_secret(secret), codes.uri_of(secret, user.email or user.name))


async def confirm(context: Context, code: str) -> list[str]:
    """Turns it on with the first code of its secret, and gives the recovery codes.

    Raises WrongCredentials, Locked, Expired for a secret that was shown too long ago, Conflict where it is on.
    """
    async with _counting(context, code) as work:
        user = await reauthentication.held(work, context.viewer)
        totp = await held(work, user.id)
        if totp is None or (totp.confirmed_at is None and totp.created_at <= work.now - PENDING):
            raise Expired("There is no secret to confirm any more. Begin anew.", "code")
        if totp.confirmed_at is not None:
            raise Conflict(_IS_ON)
        plain = codes.plain(code)
        await refuse_too_many(context, work, user.id, plain, ("code",))
        if not codes.is_totp(plain) or not matches(context, work, totp, plain):
            raise WrongCredentials(_WRONG, "code")
        totp.confirmed_at = work.now
        await _tell(context, work, user, SecurityEventKind.TWO_FACTOR_ENABLED)
        return await _new_codes(work, user)


async def disable(context: Context, password: str | None, code: str) -> None:
    """With a code or a recovery code. Raises WrongCredentials, Locked, Conflict where it is off."""
    proven = await prove(context, password, "input", "password")
    async with _counting(context, code) as work:
        user = await proven.user(work)
        await _check(context, work, user, code, "input", "code")
        await work.session.execute(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user.id))
        await work.session.execute(delete(Totp).where(col(Totp.user_id) == user.id))
        await _tell(context, work, user, SecurityEventKind.TWO_FACTOR_DISABLED)


async def regenerate(context: Context, password: str | None, code: str) -> list[str]:
    """New recovery codes in place of all old ones. Raises as `disable` does."""
    proven = await prove(context, password, "password")
    async with _counting(context, code) as work:
        user = await proven.user(work)
        await _check(context, work, user, code, "code")
        await _tell(context, work, user, SecurityEventKind.RECOVERY_CODES_REGENERATED)
        return await _new_codes(work, user)


@asynccontextmanager
async def _counting(context: Context, code: str) -> AsyncIterator[Work]:
    """A work that does nothing before the code has been looked at: a wrong one is counted although it is refused."""
    refused = None
    async with context.work() as work:
        try:
            yield work
        except WrongCredentials as refusal:
            refused = refusal
            await failed(context, work, context.viewer.user_id, code)
    if refused is not None:
        raise refused


async def _check(context: Context, work: Work, user: User, code: str, *path: str) -> None:
    if not await is_on(work, user.id):
        raise Conflict("The second factor is off.")
    if not await check(context, work, user.id, code, path):
        raise WrongCredentials(_WRONG, *path)


async def _new_codes(work: Work, user: User) -> list[str]:
    await work.session.execute(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user.id))
    made = codes.new_recovery_codes()
    for code in made:
        hash = codes.hash_of(user.id, codes.plain(code))
        work.session.add(RecoveryCode(hash=hash, user_id=user.id, made_at=work.now))
    return made


async def _tell(context: Context, work: Work, user: User, kind: SecurityEventKind) -> None:
    security.note(context, work, user.id, kind)
    await owed.notice(work, user, kind)
