"""All who follow one book in this process, by how they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator
from time import monotonic
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import structlog
from asyncpg import QueryCanceledError

from models.refusal import RateLimited
from resolvers.live.group import PATIENCE, Group
from resolvers.live.journal import Row, Standing
from resolvers.live.kept import Budget
from resolvers.live.projection import Unshared
from resolvers.live.reader import Reader
from storage.database import AWAY, Database

log = structlog.get_logger("live")

#: Readers that are sent to before everybody else has their turn.
TURN: Final = 500
#: Seconds that sending to all may take without a pause after it.
HURRY: Final = 0.001
#: Ways in which one viewer has the events of one book told, in one process.
GROUPS: Final = 16


class Groups:
    """Sends what comes to those who keep up, the groups that are told quickest first."""

    def __init__(self, book_id: UUID, database: Database, budget: Budget) -> None:
        self._book_id = book_id
        self._database = database
        self._budget = budget
        self._groups: dict[Hashable, Group] = {}
        #: One at a time of the slow ones that the same viewer has made.
        self._gates: WeakValueDictionary[UUID | None, asyncio.Lock] = WeakValueDictionary()

    def __iter__(self) -> Iterator[Reader]:
        return (reader for group in [*self._groups.values()] for reader in [*group.readers])

    def hold_to_limit(self, reader: Reader, standing: Standing) -> None:
        """A group costs a statement an event: nobody makes more than GROUPS, but may be in those that others made.

        Raises RateLimited.
        """
        if _key(reader, standing) in self._groups:
            return
        made = sum(group.founder == reader.viewer_id for group in self._groups.values())
        if made >= GROUPS:
            raise RateLimited(f"You follow this book in {GROUPS} ways already.", retry_after=1)

    def add(self, reader: Reader, standing: Standing) -> None:
        key = _key(reader, standing)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(
                key,
                self._database,
                self._book_id,
                reader.projection,
                self._budget,
                is_member=standing.is_member,
                founder=reader.viewer_id,
                gate=self._gates.setdefault(reader.viewer_id, asyncio.Lock()),
            )
        group.readers[reader] = None
        reader.group = group

    def remove(self, reader: Reader) -> None:
        group = reader.group
        assert group
        del group.readers[reader]
        if not group.readers:
            del self._groups[group.key]
            group.clear()

    def move(self, reader: Reader, standing: Standing) -> None:
        """To the group of those who are to the book what it is by now."""
        if reader.group and standing.is_member is not reader.group.is_member:
            self.remove(reader)
            self.add(reader, standing)

    def clear(self) -> None:
        for group in self._groups.values():
            group.clear()

    async def helping(self, group: Group, rows: list[Row]) -> list[bytes]:
        """As `Group.payloads`, for one who looks after themselves."""
        if group.cost < PATIENCE:
            return await group.payloads(rows)
        async with group.gate:
            return await group.payloads(rows)

    async def tell(self, rows: list[Row]) -> None:
        """Sends these to all who were sent what comes before, those first who are told soonest.

        Those for whom there is no time are live no more, and look after themselves.
        """
        rest, spent = PATIENCE, 0.0
        groups = sorted(self._groups.values(), key=lambda group: group.cost)
        for group in groups:
            rest -= group.cost
            payloads = await self._told(group, rows) if len(groups) == 1 or rest > 0 else []
            began = monotonic()
            await _send(group, rows, payloads)
            spent += monotonic() - began
        if spent > HURRY:
            # Whoever changes the book has as much of our time; what comes meanwhile leaves together.
            await asyncio.sleep(spent)

    async def _told(self, group: Group, rows: list[Row]) -> list[bytes]:
        """What they are told of the first of these; nothing where each is to look after themselves."""
        if not any(reader.is_live for reader in group.readers):
            return []
        try:
            return await group.payloads(rows)
        except Unshared:
            pass
        except Exception as error:
            if isinstance(error, AWAY) and not isinstance(error, QueryCanceledError):
                return []
            # What is wrong with their selection, or takes too long, is not to be felt by the others.
            log.exception("An event cannot be told.", book_id=str(self._book_id))
            for reader in group.readers:
                reader.end(error)
        return []


async def _send(group: Group, rows: list[Row], payloads: list[bytes]) -> None:
    before, last = rows[0].seq - 1, rows[-1].seq
    for count, reader in enumerate([*group.readers], 1):
        if not reader.is_live or reader.place >= last:
            continue
        if not payloads or reader.place != before or reader.sink.is_busy:
            reader.lag()
            continue
        reader.sink.send(payloads)
        reader.place = before + len(payloads)
        if reader.place < last:
            reader.lag()
        if count % TURN == 0:
            await asyncio.sleep(0)


def _key(reader: Reader, standing: Standing) -> Hashable:
    viewer_id = reader.viewer_id if reader.projection.is_personal else None
    return reader.projection.key, standing.is_member, viewer_id
