"""Passing on what people do, a beat at a time: of whatever they did since the last, the end of it."""

import asyncio
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog

from models import Role
from resolvers.presence.room import Own
from storage.presence import Patch, Store

log = structlog.get_logger()

#: Seconds between two beats: nobody is passed on more often.
BEAT: Final = 1 / 30


class Pulse:
    """All that a beat tells Redis leaves in one write, and the next beat waits for its answer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: Whose state is new; those whose role others have changed are told of it themselves.
        self._changed: dict[Own, bool] = {}
        self._unsaved: dict[Own, None] = {}
        self._forwarded: dict[tuple[UUID, str], Patch] = {}
        self._more = asyncio.Event()

    def change(self, own: Own, patch: Patch) -> None:
        if not own.is_in:
            own.early.update(patch)
            return
        own.state = own.state.with_(patch)
        self._changed.setdefault(own, False)
        self._more.set()

    def give_role(self, own: Own, role: str) -> None:
        frames = own.state.frames if Role(role).includes(Role.EDITOR) else ()
        own.state = replace(own.state, role=role, frames=frames)
        self._changed[own] = True
        self._more.set()

    def save(self, own: Own) -> None:
        """Tells Redis again."""
        self._unsaved[own] = None
        self._more.set()

    def forward(self, book_id: UUID, key: str, patch: Patch) -> None:
        """To the process whose it is."""
        self._forwarded.setdefault((book_id, key), Patch()).update(patch)
        self._more.set()

    def forget(self, own: Own) -> None:
        self._changed.pop(own, None)
        self._unsaved.pop(own, None)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._more.wait()
            self._more.clear()
            next_ = loop.time() + BEAT
            try:
                await self._beat()
            except Exception:
                log.exception("what people do is not passed on")
            await asyncio.sleep(next_ - loop.time())

    async def _beat(self) -> None:
        changed, self._changed = self._changed, {}
        for own, even_self in changed.items():
            generation, count = own.state.version
            own.state = replace(own.state, version=(generation, count + 1))
            own.room.put(own.state, even_self=even_self)
        forwarded, self._forwarded = self._forwarded, {}
        for (book_id, key), patch in forwarded.items():
            self._store.forward(book_id, key, patch)
        unsaved, self._unsaved = {**self._unsaved, **dict.fromkeys(changed)}, {}
        await asyncio.gather(*(self._save(own) for own in unsaved))

    async def _save(self, own: Own) -> None:
        if own.room.own.get(own.state.id) is not own:
            # They left in this very moment, and are not to be renewed.
            return
        own.is_saved = False
        kept = await self._store.put(own.room.book_id, own.key, own.state, fresh=own.is_fresh)
        if kept is None:
            return
        own.is_fresh, own.is_saved = False, kept
        if not kept:
            # Somebody has come back as the same, in another process.
            own.watcher.end()
