"""Setting out for a provider."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import IdentityRequest, User
from models.identity import REQUEST_LIFETIME
from models.refusal import ACCOUNT_GONE, Locked, Unauthenticated
from resolvers import attempts
from resolvers.attempts import Allowance
from resolvers.context import Context
from resolvers.identity.providers import answering
from resolvers.reauthentication import prove
from resolvers.token import hash_of, opaque_token

#: What seals a request's secrets.
SEAL: Final = "identity request"
#: From one IP address, whoever comes from it: a school does so at once.
DEPARTURES: Final = Allowance(
    "identity request", 600, timedelta(minutes=10), "Too many sign-ins were begun from here. Try again in {minutes}."
)


async def begin(context: Context, name: str, redirect_uri: str, password: str | None) -> str:
    """The address to send the browser to, good for ten minutes.

    A user who is signed in links what they come back with, and shows first that it is them. Raises Invalid, Locked,
    Unavailable, and what proving who it is raises.
    """
    provider = context.parts.identities.named(name, "provider")
    context.parts.identities.redirects.checked(redirect_uri, "redirectUri")
    user_id = await _linking(context)
    if user_id is not None:
        await prove(context, password, "password")
    try:
        await attempts.take(context, DEPARTURES, attempts.neighbourhood(context.ip_address))
    except Locked as locked:
        raise Locked(locked.message, "provider") from None
    state = opaque_token()
    with answering(provider):
        departure = await provider.begin(redirect_uri, state)
    hash = hash_of(state)
    async with context.work() as work:
        work.session.add(
            IdentityRequest(
                hash=hash,
                provider=name,
                redirect_uri=redirect_uri,
                secrets=context.parts.keyring.seal(SEAL, departure.secrets, hash),
                user_id=user_id,
                # A guest's too: what they have goes to whoever they come back as.
                session_id=context.session_id,
                expires_at=work.now + REQUEST_LIFETIME,
            )
        )
    return departure.url


async def _linking(context: Context) -> UUID | None:
    """Who will link it; None for nobody, and for a guest, who signs in."""
    viewer_id = context.viewer_id
    if viewer_id is None:
        return None
    async with context.reading() as reading:
        is_guest = await reading.scalar(select(col(User.is_guest)).where(col(User.id) == viewer_id))
    if is_guest is None:
        raise Unauthenticated(ACCOUNT_GONE)
    return None if is_guest else viewer_id
