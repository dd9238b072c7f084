"""Who it is, asked again: before what whoever has found an open session must not do."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import col

from models import Session, User
from models.refusal import (
    ACCOUNT_GONE,
    Conflict,
    Expired,
    Locked,
    Required,
    Unauthenticated,
    WrongCredentials,
)
from models.security_event import SecurityEventKind as Kind
from resolvers import attempts, security, session
from resolvers.attempts import Try
from resolvers.context import Context, Viewer
from resolvers.mail import owed
from resolvers.work import Work

#: A session that is no older stands for the password of whoever has none.
FRESH: Final = timedelta(minutes=10)
PASSWORDS: Final = attempts.Allowance(
    "password again", 10, timedelta(minutes=5), "Too many wrong passwords. Try again in {minutes}."
)
#: Wrong passwords that the user is shown, and locks that they are shown and told of by mail; of kinds apart from
#: those of sign-ins, among which whoever has found the session could hide their own.
FAILURES_A_DAY: Final = 20
LOCKS_A_DAY: Final = 3


@dataclass(frozen=True, slots=True)
class Proven:
    """The viewer, who has just shown that it is them."""

    viewer: Viewer
    _hash: str | None = field(repr=False)

    @property
    def has_password(self) -> bool:
        return self._hash is not None

    async def user(self, work: Work) -> User:
        """With their row held until the work ends.

        Raises Conflict where the password changed since it was shown, Unauthenticated where their session has ended.
        """
        user = await held(work, self.viewer)
        if user.password_hash != self._hash:
            raise Conflict("The password has just been changed. Try again.")
        return user


async def held(work: Work, viewer: Viewer) -> User:
    """The viewer, with their row held until the work ends; also for what they proved themselves for when they began it.

    Raises Unauthenticated where something has ended their session meanwhile, or the account.
    """
    user = await work.session.get(User, viewer.user_id, with_for_update={"key_share": True})
    if user is None:
        raise Unauthenticated(ACCOUNT_GONE)
    await session.is_still_in(work, viewer)
    return user


async def prove(context: Context, password: str | None, *path: str) -> Proven:
    """By their password; who has none, by having signed in just now.

    Raises Required or WrongCredentials for the password at this path, Locked after too many wrong ones, Expired for a
    session that is too old, Conflict for a guest.
    """
    viewer = context.viewer
    about = col(User.password_hash), col(User.is_guest), col(Session.created_at)
    asked = select(*about).join(Session, col(Session.user_id) == col(User.id))
    async with context.reading() as reading:
        row = (await reading.execute(asked.where(col(Session.id) == viewer.session_id))).one_or_none()
    if row is None:
        raise Unauthenticated(ACCOUNT_GONE)
    hash, is_guest, begun = row
    if hash is None:
        if is_guest:
            raise Conflict("You are a guest. Sign up first.")
        if begun <= context.now - FRESH:
            raise Expired("Sign in again first: this session is too old for it.", *path)
        return Proven(viewer, None)
    if password is None:
        raise Required("The password is needed.", *path)
    of = str(viewer.user_id), attempts.neighbourhood(context.ip_address)
    try:
        tried = await attempts.take(context, PASSWORDS, *of)
    except Locked as locked:
        raise Locked(locked.message, *path) from None
    try:
        is_right = await context.parts.passwords.match(password, hash)
    except BaseException:
        # Nobody has looked at it, or whoever asked has gone without an answer.
        await attempts.give_back(context, tried)
        raise
    if not is_right:
        await _failed(context, viewer, tried)
        raise WrongCredentials("The password is wrong.", *path)
    await attempts.give_back(context, tried)
    return Proven(viewer, hash)


async def _failed(context: Context, viewer: Viewer, tried: Try) -> None:
    """Somebody has their session, and not their password: the user should know."""
    kind, most = (Kind.PASSWORD_LOCKED, LOCKS_A_DAY) if tried.is_last else (Kind.PASSWORD_FAILED, FAILURES_A_DAY)
    async with context.work() as work:
        user = await work.session.get(User, viewer.user_id)
        if user is None or await security.noted_today(work, user.id, kind) >= most:
            return
        security.note(context, work, user.id, kind)
        if tried.is_last:
            named = select(col(Session.device_name)).where(col(Session.id) == viewer.session_id)
            device = await work.session.scalar(named) or (context.user_agent and context.user_agent[:100])
            await owed.notice(work, user, kind, device=device, ip_address=context.ip_address)
