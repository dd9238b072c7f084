"""Saying where one is."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from models import Role
from models import id as ids
from models.refusal import Forbidden, Invalid
from resolvers.context import Context
from resolvers.presence import changes
from resolvers.presence.room import key_of


async def update(context: Context, *, book_id: UUID | None, client_id: str, fields: Mapping[str, Any]) -> None:
    """Takes what is given. Raises Forbidden for the frames of who may not drag, once the rest is taken."""
    viewer, presences = context.viewer, context.parts.presences
    tab = ids.client_id(client_id)
    if tab is None:
        raise Invalid("This is a UUID, in lower case.", "input", "clientId")
    key = key_of(viewer.session_id, tab)
    own = presences.own(book_id, key) if book_id else None
    role = own.state.role if own else await presences.elsewhere.role(viewer.user_id, book_id, key)
    patch = changes.read(fields)
    may_drag = Role(role).includes(Role.EDITOR)
    drags = bool(patch.get("frames")) and not may_drag
    if drags:
        del patch["frames"]
    if own:
        presences.pulse.change(own, patch)
    elif book_id:
        presences.pulse.forward(book_id, key, patch)
    if drags:
        raise Forbidden(f"This needs the role {Role.EDITOR}; yours is {role}.", "input", "frames")
