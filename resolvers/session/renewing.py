"""How a websocket outlives the token that it was opened with."""

from datetime import datetime

from models.refusal import SESSION_ENDED, Expired, Invalid, Unauthenticated
from resolvers.context import Context, Viewer
from resolvers.token import TokenExpired


def renew(context: Context, token: str) -> datetime:
    """Lets the caller's websocket go on until the token expires, which is returned.

    Raises Invalid for a token that is no good or a connection that is no websocket, Expired, Forbidden for the token of
    another session.
    """
    context.viewer  # noqa: B018 raises where nobody is signed in
    if context.renew is None:
        raise Invalid("Only a websocket can be renewed: send this over yours.", "accessToken")
    try:
        claims = context.parts.tokens.verify(token)
    except TokenExpired as error:
        raise Expired(error.message, "accessToken") from error
    except Unauthenticated as error:
        raise Invalid(error.message, "accessToken") from error
    if context.parts.revocations.covers(claims.session_id):
        raise Unauthenticated(SESSION_ENDED)
    context.renew(Viewer(claims.user_id, claims.session_id, claims.expires_at), token)
    return claims.expires_at
