"""The way in with an address and a password."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import col

from models import Proof, User
from models.refusal import Invalid, WrongCredentials
from models.user import checked_email
from resolvers import attempts
from resolvers.attempts import Try
from resolvers.context import Context
from resolvers.session import Device
from resolvers.sign_in import tries
from resolvers.sign_in.machine import Outcome, begin, check_token

_WRONG: Final = "The address or the password is wrong."

#: Of one alone, or several would take several hashes. Whoever squats on an address comes later than who has it.
_CANDIDATE: Final = """
SELECT id, password_hash, email_verified_at IS NOT NULL AS confirmed
FROM users WHERE casefold(email COLLATE pg_unicode_fast) = casefold($1::text COLLATE pg_unicode_fast)
  AND (email_verified_at IS NOT NULL OR password_hash IS NOT NULL)
ORDER BY confirmed DESC, created_at, id LIMIT 1
"""


#: As it was compared: whoever has changed it meanwhile has ended all sessions, and this would be one more.
#: The try is given back with it: it was none of the wrong ones, unless this work does not hold.
_UNCHANGED: Final = (
    select(User)
    .where(col(User.id) == bindparam("id"), col(User.password_hash) == bindparam("hash"))
    .with_for_update(key_share=True)
    .add_cte(attempts.GIVEN_BACK)
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Who it may be; without an id nobody."""

    id: UUID | None = None
    hash: str | None = field(default=None, repr=False)


async def sign_in(context: Context, *, email: str, password: str, device: Device | None) -> Outcome:
    """An unknown address and a wrong password look and take alike. Raises WrongCredentials, Locked, Forbidden.

    No connection is held while a hash is made.
    """
    await check_token(context)
    address = _address(email)
    with tries.under_way(context):
        tried = await tries.take(context, address)
        passwords, stronger = context.parts.passwords, None
        try:
            found = await _candidate(context, address)
            is_right = await passwords.match(password, found.hash)
            if is_right and found.hash is not None and passwords.is_weak(found.hash):
                stronger = await passwords.hash(password)
        except BaseException:
            # Nobody has looked at it, or whoever asked has gone without an answer.
            await attempts.give_back(context, tried)
            raise
        if not is_right:
            await tries.failed(context, found.id, tried)
            raise WrongCredentials(_WRONG, "input")
        return await _enter(context, found, stronger, device, tried)


async def _enter(
    context: Context, found: _Candidate, stronger: str | None, device: Device | None, tried: Try
) -> Outcome:
    """With the right password: whatever else it is refused for, it was none of the wrong ones."""
    try:
        async with context.work() as work:
            user = await work.session.scalar(_UNCHANGED, {"id": found.id, "hash": found.hash, "tries": list(tried.ids)})
            if user is None:
                raise WrongCredentials(_WRONG, "input")
            outcome = await begin(context, work, user, Proof.PASSWORD, device, is_held=True)
            if stronger is not None:
                user.password_hash = stronger
        return outcome
    except WrongCredentials:
        raise
    except BaseException:
        await attempts.give_back(context, tried)
        raise


async def _candidate(context: Context, address: str) -> _Candidate:
    """The confirmed owner; else, of those who say that the address is theirs, who has said so for longest."""
    async with context.parts.database.connection() as connection:
        rows = await connection.rows(_CANDIDATE, [address])
    return _Candidate(rows[0]["id"], rows[0]["password_hash"]) if rows else _Candidate()


def _address(email: str) -> str:
    """The address as it would have been kept; for what is none an empty one, which nobody has."""
    try:
        return checked_email(email)
    except Invalid:
        return ""
