"""New passkeys, each by whoever has shown again that it is them: it is a way in that asks for no code."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models import Passkey, SecurityEventKind, User
from models.id import new_id
from models.passkey import PASSKEYS_LIMIT
from models.refusal import LimitReached, Required, Taken, WrongCredentials
from models.user import checked_name
from resolvers import second_factor, security
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.passkey import challenges, options
from resolvers.passkey.options import Descriptor
from resolvers.passkey.registration import Registration
from resolvers.reauthentication import held, prove
from resolvers.work import Work


async def begin_registration(context: Context, password: str | None, code: str | None) -> dict[str, Any]:
    """What the browser is to ask for. A wrong code counts although it is refused.

    Raises Required, WrongCredentials or Locked for the password or the code, Expired for a session that is too old to
    stand for a password, Conflict for a guest, LimitReached.
    """
    proven = await prove(context, password, "password")
    challenge = None
    async with context.work() as work:
        user = await proven.user(work)
        own = await _of(work, user)
        if await _is_right(context, work, user, code):
            challenge = await challenges.make(work, context.viewer)
        else:
            await second_factor.failed(context, work, user.id, code or "")
    if challenge is None:
        raise WrongCredentials("The code is wrong, or was used already.", "code")
    # An authenticator that has a copy may replace it.
    usable = [Descriptor.of(each) for each in own if each.suspended_at is None]
    return options.to_register(context.parts.rules.relying_party, user, challenge, usable)


async def register(context: Context, name: str, credential: Any) -> Passkey:
    """Raises Invalid, Expired for a challenge that is not this session's any more, LimitReached, Taken."""
    viewer, name = context.viewer, checked_name(name, "name")
    registration = Registration.read(credential)
    await challenges.take(context, registration.challenge, viewer)
    made = registration.verify(context.parts.rules.relying_party)
    async with context.work() as work:
        user = await held(work, viewer)
        await _of(work, user)
        row = {
            "id": new_id(),
            "user_id": user.id,
            "credential_id": made.credential_id,
            "public_key": made.public_key,
            "sign_count": made.sign_count,
            "transports": made.transports,
            "name": name,
            "created_at": work.now,
        }
        passkey: Passkey | None = await work.session.scalar(
            insert(Passkey).values(row).on_conflict_do_nothing(index_elements=["credential_id"]).returning(Passkey)
        )
        if passkey is None:
            raise Taken("This passkey is somebody's already.", "credential")
        security.note(context, work, user.id, SecurityEventKind.PASSKEY_ADDED, passkey_id=str(passkey.id))
        await owed.notice(work, user, SecurityEventKind.PASSKEY_ADDED, name=name)
        await work.show({"pk": [passkey.id]})
    return passkey


async def _of(work: Work, user: User) -> list[Passkey]:
    """Theirs, while there is room for one more; the user is held. Raises LimitReached."""
    own = list(await work.session.scalars(select(Passkey).where(col(Passkey.user_id) == user.id)))
    if len(own) >= PASSKEYS_LIMIT:
        raise LimitReached(f"Nobody has more than {PASSKEYS_LIMIT} passkeys. Remove one first.")
    return own


async def _is_right(context: Context, work: Work, user: User, code: str | None) -> bool:
    """Whether nobody who only has the password comes past the second factor by this. Raises Required, Locked."""
    if not await second_factor.is_on(work, user.id):
        return True
    if code is None:
        raise Required("A code of the second factor is needed.", "code")
    return await second_factor.check(context, work, user.id, code, ("code",))
