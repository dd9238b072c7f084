"""Who may be there, and as what: read when they come, and again when their book says that something has changed."""

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import ARRAY, Uuid, cast, func, select
from sqlmodel import col

from models import Member
from models.refusal import Forbidden
from resolvers import access
from resolvers.presence.room import Own, Room
from storage.database import Database

log = structlog.get_logger()

#: Seconds between two looks, each of them one statement for all books that have changed meanwhile.
LOOK: Final = 0.3
#: Seconds for which a look may last; then the next begins.
LOOK_TIMEOUT: Final = 2.0


async def seat(database: Database, user_id: UUID, book_id: UUID | None) -> str:
    """Their role. Raises NotFound for who may not see the book, and Forbidden for who does not belong to it."""
    async with database.session() as session:
        role = await session.scalar(
            select(col(Member.role)).where(col(Member.book_id) == book_id, col(Member.user_id) == user_id)
        )
        if role is None:
            await access.readable_book(session, user_id, book_id)
            raise Forbidden("Only its members are seen in it.")
    return str(role)


class Seats:
    """`settle` is called with each presence whose role is another now: None when it has none any more."""

    def __init__(self, database: Database, settle: Callable[[Own, str | None], None]) -> None:
        self._database = database
        self._settle = settle
        self._rooms: set[Room] = set()
        self._wanted = asyncio.Event()
        self._is_failing = False

    def look(self, room: Room) -> None:
        """Soon."""
        self._rooms.add(room)
        self._wanted.set()

    def forget(self, room: Room) -> None:
        self._rooms.discard(room)

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            rooms, self._rooms = self._rooms, set()
            try:
                async with asyncio.timeout(LOOK_TIMEOUT):
                    await self._look(rooms)
                self._is_failing = False
            except Exception:
                # Said once an outage, not at every look.
                if not self._is_failing:
                    log.exception("it is not known who may be where")
                self._is_failing = True
                self._rooms |= {room for room in rooms if room.watchers}
                self._wanted.set()
            await asyncio.sleep(LOOK)

    async def _look(self, rooms: set[Room]) -> None:
        all_own = [own for room in rooms for own in room.own.values()]
        if not all_own:
            return
        place = (col(Member.book_id), col(Member.user_id))
        books = {own.room.book_id for own in all_own}
        users = {own.state.user_id for own in all_own}
        async with self._database.session() as session:
            found = await session.execute(
                # Two parameters, however many there are: more pairs than were asked for do no harm.
                select(*place, col(Member.role)).where(
                    place[0] == func.any(cast([*books], ARRAY(Uuid))), place[1] == func.any(cast([*users], ARRAY(Uuid)))
                )
            )
        roles = {(book_id, user_id): role for book_id, user_id, role in found}
        for own in all_own:
            role = roles.get((own.room.book_id, own.state.user_id))
            if role != own.state.role:
                self._settle(own, role)
