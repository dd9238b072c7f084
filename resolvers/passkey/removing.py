"""Passkeys that are not to be a way in any more."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Passkey, SecurityEventKind, User
from models.refusal import NotFound
from resolvers import access, security, ways_in
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.reauthentication import prove
from resolvers.work import Work


async def remove(context: Context, id: UUID | None, password: str | None) -> None:
    """Sessions that began with it go on. Raises NotFound, Conflict for the last way in, and what proving raises."""
    proven = await prove(context, password, "password")
    async with context.work() as work:
        # Of two ways in that are taken away at once, one stays.
        user = await proven.user(work)
        mine = col(Passkey.id) == id, access.passkey_is_seen(user.id)
        passkey = await work.session.scalar(select(Passkey).where(*mine))
        if passkey is None:
            raise NotFound("There is no such passkey.", "id")
        if passkey.suspended_at is None:
            await ways_in.spare(context, work, user, passkey)
        await drop(context, work, user, passkey)


async def drop(context: Context, work: Work, user: User, passkey: Passkey) -> None:
    """Whatever else there is to come in by; they are told."""
    await work.session.delete(passkey)
    security.note(context, work, user.id, SecurityEventKind.PASSKEY_REMOVED, passkey_id=str(passkey.id))
    await owed.notice(work, user, SecurityEventKind.PASSKEY_REMOVED, name=passkey.name)
