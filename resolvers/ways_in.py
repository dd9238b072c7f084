"""Ways into an account, of which the last one stays."""

from typing import Final

from sqlalchemy import exists, or_, select
from sqlmodel import col

from models import Identity, Passkey, User
from models.refusal import Conflict
from resolvers.context import Context
from resolvers.work import Work

_LAST: Final = "This is the only way into the account. Add another passkey or login first, or set a password."
_UNNAMED: Final = (
    "This is the only way into the account, which has no address to go with its password. Add a passkey or a login "
    "first, or an address."
)


async def spare(context: Context, work: Work, user: User, way: Identity | Passkey) -> None:
    """Makes sure that there is another way in that is open; the user is held. Raises Conflict.

    A password is none without an address to be typed with it, nor is a passkey that is suspended, nor an identity of a
    provider that is not ours any more.
    """
    if user.password_hash is not None and user.email is not None:
        return
    passkey = exists().where(
        col(Passkey.user_id) == user.id, col(Passkey.id) != way.id, col(Passkey.suspended_at).is_(None)
    )
    identity = exists().where(
        col(Identity.user_id) == user.id,
        col(Identity.id) != way.id,
        col(Identity.provider).in_(context.parts.identities.names),
    )
    if not await work.session.scalar(select(or_(passkey, identity))):
        raise Conflict(_LAST if user.password_hash is None else _UNNAMED, "id")
