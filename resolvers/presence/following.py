"""Being in a book, and seeing who else is."""

from collections.abc import AsyncGenerator
from uuid import UUID

from models import id as ids
from models.refusal import BadUserInput
from resolvers.context import Context
from resolvers.presence.seats import seat
from resolvers.presence.watcher import Left, Snapshot, Told


async def of_book(context: Context, book_id: UUID | None, client_id: str) -> AsyncGenerator[Told, None]:
    """First everybody who is there, then what changes.

    Raises NotFound or Forbidden before the first for who may not see them; Forbidden later, once they may not any more.
    """
    viewer, presences = context.viewer, context.parts.presences
    tab = ids.client_id(client_id)
    if tab is None:
        raise BadUserInput("`clientId` is a UUID, in lower case.")
    role = await seat(presences.database, viewer.user_id, book_id)
    assert book_id
    met = set[UUID]()
    async with presences.joined(
        book_id, tab, user_id=viewer.user_id, session_id=viewer.session_id, role=role
    ) as watcher:
        async for told in watcher:
            # People are read when they are first met, not at every step that they take.
            if not isinstance(told, Left):
                states = told.present if isinstance(told, Snapshot) else [told.presence]
                if new := {state.user_id for state in states} - met:
                    await context.show({"us": new})
                    met |= new
            yield told
