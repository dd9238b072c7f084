"""People: signing up and in, and who they are."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models import User
from models.refusal import Invalid, Taken, Unauthenticated, WrongCredentials
from models.user import Language, checked_email, checked_name, checked_password
from resolvers import session
from resolvers.context import Context, Viewer
from resolvers.session import Device, Tokens


@dataclass(frozen=True, slots=True)
class Self:
    """The caller, with what only they may see."""

    id: UUID


async def sign_up(
    context: Context,
    *,
    name: str,
    email: str,
    password: str,
    language: Language | None,
    device: Device | None,
) -> Tokens:
    """A new account and its first session. Raises Invalid for a bad value, Taken for a known address."""
    user = User(
        name=checked_name(name, "input", "name"),
        email=checked_email(email, "input", "email"),
        language=language or Language.EN,
    )
    checked = checked_password(password, "input", "password")
    user.password_hash = await context.parts.passwords.hash(checked)
    try:
        async with context.work() as work:
            work.session.add(user)
            await work.session.flush()
            return await session.begin(context, work, user, device)
    except IntegrityError as error:
        # The database decides, so that two who come at once are told apart too.
        if "users_email_is_one" not in str(error):
            raise
        raise Taken("There is an account with this address.", "input", "email") from error


async def sign_in(context: Context, *, email: str, password: str, device: Device | None) -> Tokens:
    """A new session. An unknown address and a wrong password look and take alike: WrongCredentials."""
    async with context.reading() as reading:
        user = await reading.scalar(select(User).where(User.has(_address(email))))
    matches = await context.parts.passwords.match(password, user.password_hash if user else None)
    if user is None or not matches:
        raise WrongCredentials("The address or the password is wrong.", "input")
    async with context.work() as work:
        return await session.begin(context, work, user, device)


def gone(context: Context) -> Unauthenticated | None:
    """Why there is no viewer: their account is no more; None where nobody is signed in."""
    return None if context.viewer_id is None else Unauthenticated("There is no such account any more.")


async def enter(context: Context, tokens: Tokens) -> Self:
    """Has the rest of the operation be answered as to the one who has just come in."""
    context.caller = Viewer(tokens.user_id, tokens.session_id, tokens.access_token_expires_at)
    await context.show({"vw": [tokens.user_id]})
    return Self(tokens.user_id)


def _address(email: str) -> str:
    """The address as it would have been kept; for what is none an empty one, which nobody has."""
    try:
        return checked_email(email)
    except Invalid:
        return ""
