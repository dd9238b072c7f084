"""Being in a book, and seeing who else is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING
from uuid import UUID

from models import id as ids
from models.refusal import BadUserInput
from resolvers.context import Context
from resolvers.presence.follower import Follower
from resolvers.presence.house import W
from resolvers.presence.projection import Projection
from resolvers.presence.room import Room
from resolvers.presence.seats import seat
from resolvers.presence.watcher import Left, Snapshot, Told, Watcher

if TYPE_CHECKING:
    from resolvers.live import Sink


async def of_book(context: Context, book_id: UUID | None, client_id: str) -> AsyncGenerator[Told, None]:
    """First everybody who is there, then what changes.

    Raises NotFound or Forbidden before the first for who may not see them; Forbidden later, once they may not any more.
    """
    met = set[UUID]()
    async with await _joined(context, book_id, client_id, lambda room: Watcher(room.roster)) as watcher:
        async for told in watcher:
            # People are read when they are first met, not at every step that they take.
            if not isinstance(told, Left):
                states = told.present if isinstance(told, Snapshot) else [told.presence]
                if new := {state.user_id for state in states} - met:
                    await context.show({"us": new})
                    met |= new
            yield told


async def shared(context: Context, book_id: UUID | None, client_id: str, projection: Projection, sink: Sink) -> None:
    """The same, sent with all who ask alike, until it ends.

    Raises as `of_book` does, Unshared where the ordinary way is to go on, and what `sink` raises.
    """
    async with await _joined(context, book_id, client_id, lambda _: Follower(context, projection, sink)) as follower:
        await follower.run()


async def _joined(
    context: Context, book_id: UUID | None, client_id: str, watching: Callable[[Room], W]
) -> AbstractAsyncContextManager[W]:
    viewer, presences = context.viewer, context.parts.presences
    tab = ids.client_id(client_id)
    if tab is None:
        raise BadUserInput("`clientId` is a UUID, in lower case.")
    role = await seat(presences.database, viewer.user_id, book_id)
    assert book_id
    return presences.joined(book_id, tab, watching, user_id=viewer.user_id, session_id=viewer.session_id, role=role)
