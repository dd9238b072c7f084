"""Identities that are not to be a way in any more."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Identity, SecurityEventKind, User
from models.refusal import NotFound
from resolvers import security, ways_in
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.reauthentication import prove
from resolvers.work import Work


async def unlink(context: Context, id: UUID | None, password: str | None) -> None:
    """Sessions that began with it go on. Raises NotFound, Conflict for the last way in, and what proving raises."""
    proven = await prove(context, password, "password")
    async with context.work() as work:
        # Of two ways in that are taken away at once, one stays.
        user = await proven.user(work)
        mine = col(Identity.id) == id, col(Identity.user_id) == user.id
        identity = await work.session.scalar(select(Identity).where(*mine))
        if identity is None:
            raise NotFound("There is no such login.", "id")
        await ways_in.spare(context, work, user, identity)
        await drop(context, work, user, identity)


async def drop(context: Context, work: Work, user: User, identity: Identity) -> None:
    """Whatever else there is to come in by; they are told."""
    await work.session.delete(identity)
    security.note(context, work, user.id, SecurityEventKind.IDENTITY_UNLINKED, provider=identity.provider)
    label = context.parts.identities.label_of(identity.provider)
    await owed.notice(work, user, SecurityEventKind.IDENTITY_UNLINKED, provider=label)
