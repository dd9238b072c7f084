"""Who comes in: from the token that an operation brought to the context that it is answered with."""

from models.refusal import SESSION_ENDED, Refusal, Unauthenticated
from resolvers.context import Context, Parts, Viewer
from server.graphql.entrance import Entrance


async def enter(parts: Parts, entrance: Entrance) -> Context:
    """As `context_of`, for those who would wait."""
    return context_of(parts, entrance)


def context_of(parts: Parts, entrance: Entrance) -> Context:
    """The context of one operation. A token that is no good is told by the first field that needs a viewer."""
    caller = _caller(parts, entrance.token)
    renew = entrance.socket.renew if entrance.socket else None
    return Context(parts, caller, entrance.ip_address, entrance.user_agent, renew, entrance.cookie)


def _caller(parts: Parts, token: str | None) -> Viewer | Refusal | None:
    if token is None:
        return None
    try:
        claims = parts.tokens.verify(token)
        if parts.revocations.covers(claims.session_id):
            return Unauthenticated(SESSION_ENDED, claims.user_id)
    except Refusal as refusal:
        return refusal
    return Viewer(claims.user_id, claims.session_id, claims.expires_at)
