"""How each challenge of a sign-in is met."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from models import ChallengeKind, SecurityEventKind, SignIn, User
from models.refusal import EmailNotVerified, Invalid, Required, WrongCredentials
from resolvers import second_factor as factors
from resolvers.context import Context
from resolvers.password import setting
from resolvers.work import Work

_NEW_PASSWORD: Final = ("input", "newPassword")


@dataclass(frozen=True, slots=True)
class Given:
    """What a client answers a challenge with."""

    code: str | None = field(default=None, repr=False)
    new_password: str | None = field(default=None, repr=False)
    #: Of the new password; made before a transaction waits for it.
    hash: str | None = field(default=None, repr=False)


async def prepared(context: Context, sign_in: SignIn, user: User, given: Given) -> Given:
    """What takes long, for a sign-in that is really waiting for it. Raises Invalid for a password that cannot be."""
    if sign_in.due != ChallengeKind.NEW_PASSWORD or given.new_password is None:
        return given
    passwords = context.parts.passwords
    hash = await passwords.choose(given.new_password, (user.name, user.email), *_NEW_PASSWORD)
    if await passwords.match(given.new_password, user.password_hash):
        raise Invalid("Choose another password than the one that was sent.", *_NEW_PASSWORD)
    return replace(given, hash=hash)


async def _second_factor(context: Context, work: Work, sign_in: SignIn, user: User, given: Given) -> None:
    """A code of six digits, or a recovery code. Raises Required, WrongCredentials, Locked."""
    if given.code is None:
        raise Required("A code is needed.", "input", "code")
    if not await factors.check(context, work, user.id, given.code):
        raise WrongCredentials("The code is wrong, or was used already.", "input", "code")
    sign_in.second_factor_passed = True


async def _new_password(context: Context, work: Work, sign_in: SignIn, user: User, given: Given) -> None:
    """Raises Required."""
    if given.hash is None:
        raise Required("A new password is needed.", *_NEW_PASSWORD)
    kind = SecurityEventKind.PASSWORD_CHANGED
    await setting.put(context, work, user, given.hash, kind, going_on=sign_in.id)


async def _verified_email(context: Context, work: Work, sign_in: SignIn, user: User, given: Given) -> None:
    """Asks nothing but that the link in the mail was opened meanwhile. Raises EmailNotVerified."""
    if user.email_verified_at is None:
        raise EmailNotVerified("Open the link in the mail that we have sent, then go on.", "input")


#: Each raises the refusal of an answer that is wrong.
MET_BY: Final[Mapping[ChallengeKind, Callable[[Context, Work, SignIn, User, Given], Awaitable[None]]]] = {
    ChallengeKind.TOTP: _second_factor,
    ChallengeKind.NEW_PASSWORD: _new_password,
    ChallengeKind.VERIFY_EMAIL: _verified_email,
}
