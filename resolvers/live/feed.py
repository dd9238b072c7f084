"""One book, followed once for all in this process who follow it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Hashable, Iterator
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Final
from uuid import UUID

import structlog
from asyncpg import QueryCanceledError

from models.refusal import Forbidden, NotFound, RateLimited
from resolvers.context import Context
from resolvers.event import UNSEEN
from resolvers.live.desk import Desk
from resolvers.live.group import Group, helping
from resolvers.live.journal import PAGE, Page, Row, Standing, page
from resolvers.live.kept import Budget, Kept
from resolvers.live.past import Past
from resolvers.live.projection import Projection, Unshared
from resolvers.live.reader import Reader
from resolvers.live.sink import Sink
from storage.broadcast import GAP, Announcements, Heard, Subscription
from storage.channels import book_channel
from storage.database import AWAY, Database
from storage.journal import head_fell

log = structlog.get_logger("live")

#: Seconds between two tries to read a journal that cannot be read, at first and at most.
AGAIN: Final = (0.05, 1.0)
#: Readers that are sent to before everybody else has their turn.
TURN: Final = 500
#: Seconds that sending to all may take without a pause after it.
HURRY: Final = 0.001
#: Events of which Redis is still to tell what we have read already.
UNHEARD: Final = 1_000
#: Ways in which one viewer has the events of one book told, in one process.
GROUPS: Final = 16
#: No book has had as many changes: `seq` is an integer of 32 bits.
_NONE: Final = 2**31 - 1


class Feed:
    """Knows where the book is, sends what comes to those who are there, and helps the others to get there."""

    def __init__(self, book_id: UUID, database: Database, announcements: Announcements, budget: Budget) -> None:
        self._book_id = book_id
        self._database = database
        self._announcements = announcements
        self._budget = budget
        self._desk = Desk(book_id, database)
        self._past = Past(book_id, database)
        self._recent: Kept[Row] = Kept(budget)
        self._groups: dict[Hashable, Group] = {}
        #: Where the book is, as far as anybody here was told.
        self._at: Page | None = None
        self._heard: Subscription | None = None
        #: What was read before it was heard of.
        self._unheard: dict[int, None] = {}
        self._lookers: list[asyncio.Future[None]] = []
        self._failing = False
        self._task = asyncio.create_task(self._run(), name="live: feed", context=contextvars.Context())

    def __iter__(self) -> Iterator[Reader]:
        return (reader for group in [*self._groups.values()] for reader in [*group.readers])

    @property
    def is_over(self) -> bool:
        return self._task.done()

    async def follow(
        self, context: Context, projection: Projection, sink: Sink, *, after: int | None, epoch: str | None
    ) -> None:
        """Sends the events after this one, until it is cancelled or ended.

        Raises NotFound, Forbidden once the viewer may not see the book any more, Unshared where the ordinary way is to
        go on, and what `sink` raises.
        """
        if self.is_over:
            raise ConnectionError("It is followed no longer.")
        if self._at is None or (after or 0) > self._at.head or epoch not in (None, self._at.epoch):
            await self._look()
        standing = await self._desk.standing(context.viewer_id)
        if self._at is None or not standing.sees:
            raise NotFound
        reader = Reader(context, projection, sink, self._at.head if after is None else after)
        if epoch not in (None, self._at.epoch) or reader.place > self._at.head:
            reader.restart()
        self._hold_to_groups(reader, standing)
        self._add(reader, standing)
        try:
            await self._serve(reader)
        finally:
            self._remove(reader)

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._desk.close()
        self._answer(self._lookers, ConnectionError("It is followed no longer."))
        for reader in self:
            reader.end(ConnectionError("It is followed no longer."))
        for group in self._groups.values():
            group.clear()
        self._recent.clear()

    async def _serve(self, reader: Reader) -> None:
        wait, most = AGAIN
        while True:
            reader.check()
            assert self._at
            if reader.sink.is_busy:
                await reader.sink.ready()
            elif reader.place == self._at.head and not reader.must_resync:
                await reader.live()
            else:
                try:
                    await self._help(reader)
                    wait = AGAIN[0]
                except AWAY as error:
                    if isinstance(error, QueryCanceledError):
                        raise
                    await asyncio.sleep(wait)
                    wait = min(wait * 2, most)

    async def _help(self, reader: Reader) -> None:
        """Sends the next of what it has missed."""
        group, restarts, at = reader.group, reader.must_resync, self._at
        assert group and at and self._at
        rows = [] if restarts else await self._after(reader.place)
        rows = rows or [at.resync(self._book_id)]
        try:
            payloads = await group.payloads(rows)
        except Unshared:
            reader.check()
            if reader.group is not group:
                return
            raise Unshared(reader.place, "" if reader.must_resync else at.epoch) from None
        reader.check()
        if reader.must_resync is restarts and reader.group is group and self._at.epoch == at.epoch:
            reader.sink.send(payloads)
            reader.place, reader.must_resync = rows[len(payloads) - 1].seq, False

    async def _after(self, place: int) -> list[Row]:
        """What follows; empty where the journal does not go on from there."""
        assert self._at
        rows: list[Row] = []
        while len(rows) < PAGE and (row := self._recent.get(place + len(rows) + 1)):
            rows.append(row)
        rows = rows or [row for row in await self._past.after(place) if row.seq <= self._at.head]
        return rows[: helping([row.text for row in rows])]

    def _hold_to_groups(self, reader: Reader, standing: Standing) -> None:
        """A group costs a statement an event: nobody makes more than GROUPS, but may be in those that others made."""
        if _key(reader, standing) in self._groups:
            return
        made = sum(group.founder == reader.viewer_id for group in self._groups.values())
        if made >= GROUPS:
            raise RateLimited(f"You follow this book in {GROUPS} ways already.", retry_after=1)

    def _add(self, reader: Reader, standing: Standing) -> None:
        key = _key(reader, standing)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(
                key, self._database, self._book_id, reader.projection, self._budget, is_member=standing.is_member
            )
            group.founder = reader.viewer_id
        group.readers[reader] = None
        reader.group = group

    def _remove(self, reader: Reader) -> None:
        group = reader.group
        assert group
        del group.readers[reader]
        if not group.readers:
            del self._groups[group.key]
            group.clear()

    async def _look(self) -> None:
        """Until the journal was read once more. Raises what that raises."""
        looked = asyncio.get_running_loop().create_future()
        self._lookers.append(looked)
        if self._heard:
            self._heard.tell(GAP)
        await looked

    async def _run(self) -> None:
        try:
            async with self._announcements.listen(book_channel(self._book_id)) as heard:
                self._heard = heard
                message: Heard | None = GAP
                while message is not None:
                    if message is GAP:
                        await self._keep_up()
                    elif self._is_news(message):
                        await self._keep_up()
                        # Read just now, and heard of just now.
                        self._is_news(message)
                    message = await anext(heard, None)
        except Exception as error:
            log.exception("A book is followed no longer.", book_id=str(self._book_id))
            self._answer(self._lookers, error)
            for reader in self:
                reader.end(error)

    def _is_news(self, message: str) -> bool:
        """Also what we cannot have passed by: a lower number may be that of a head that fell."""
        epoch, _, seq = message.partition(":")
        if self._at is None or epoch != self._at.epoch or not seq.isdecimal():
            return True
        return self._unheard.pop(int(seq), False) is False

    async def _keep_up(self) -> None:
        """Reads until it has; whoever is here stays, however long that takes."""
        wait, most = AGAIN
        while True:
            lookers, self._lookers = self._lookers, []
            try:
                await self._advance()
            except BaseException as error:
                self._answer(lookers, error if isinstance(error, Exception) else ConnectionError("It was closed."))
                if not isinstance(error, AWAY):
                    raise
                # Said once an outage.
                if not self._failing:
                    log.exception("A journal cannot be read; trying on.", book_id=str(self._book_id))
                self._failing = True
                await asyncio.sleep(wait)
                wait = min(wait * 2, most)
            else:
                self._failing = False
                self._answer(lookers, None)
                return

    @staticmethod
    def _answer(lookers: list[asyncio.Future[None]], error: Exception | None) -> None:
        for looker in lookers:
            if not looker.done():
                looker.set_exception(error) if error else looker.set_result(None)

    async def _advance(self) -> None:
        while True:
            at = self._at
            async with self._database.connection() as connection:
                found = await page(connection, self._book_id, after=at.head if at else _NONE)
            if found is None:
                await self._review()
                return
            if at is None:
                self._at = found
                return
            if found.epoch == at.epoch and found.head < at.head:
                epoch = await head_fell(self._database, self._book_id, found.epoch)
                self._announcements.tell(book_channel(self._book_id), f"{epoch}:{found.head}")
                continue
            goes_on = (not found.rows and found.head == at.head) or (found.rows and found.rows[0].seq == at.head + 1)
            if found.epoch != at.epoch or not goes_on:
                await self._restart(found)
                return
            await self._tell(found)
            if self._at is None or self._at.head >= found.head:
                return

    async def _restart(self, found: Page) -> None:
        """The journal does not go on from where everybody is."""
        await self._review()
        self._recent.clear()
        self._unheard.clear()
        self._at = replace(found, rows=[])
        for reader in self:
            reader.restart()

    async def _tell(self, found: Page) -> None:
        run: list[Row] = []
        for row in found.rows:
            if row.concerns_access:
                await self._spread(found, run)
                await self._review()
                run = []
            run.append(row)
        await self._spread(found, run)

    async def _spread(self, found: Page, rows: list[Row]) -> None:
        """Sends to those who are at the head, which these follow."""
        if not rows:
            return
        told: dict[Group, list[bytes]] = {}
        for group in [*self._groups.values()]:
            try:
                told[group] = await group.payloads(rows)
            except Unshared:
                for reader in group.readers:
                    reader.lag()
            except Exception as error:
                # What is wrong with their selection, or takes too long, is not to be felt by the others.
                if isinstance(error, AWAY) and not isinstance(error, QueryCanceledError):
                    raise
                log.exception("An event cannot be told.", book_id=str(self._book_id))
                for reader in group.readers:
                    reader.end(error)
        before, last = rows[0].seq - 1, rows[-1].seq
        for row in rows:
            self._recent.add(row.seq, row, len(row.text))
            self._unheard[row.seq] = None
        while len(self._unheard) > UNHEARD:
            del self._unheard[next(iter(self._unheard))]
        self._at = replace(found, head=last, rows=[])
        began = monotonic()
        count = 0
        for reader in self:
            payloads = told.get(reader.group) if reader.group else None
            if not reader.is_live or reader.place >= last:
                continue
            if payloads is None or reader.place != before or reader.sink.is_busy:
                reader.lag()
                continue
            reader.sink.send(payloads)
            reader.place = before + len(payloads)
            if reader.place < last:
                reader.lag()
            count += 1
            if count % TURN == 0:
                await asyncio.sleep(0)
        took = monotonic() - began
        if took > HURRY:
            # Whoever changes the book has as much of our time; what comes meanwhile leaves together.
            await asyncio.sleep(took)

    async def _review(self) -> None:
        """Ends those who may not see the book any more, before they see what came after."""
        now = await self._desk.review({reader.viewer_id for reader in self})
        for reader in self:
            standing = now[reader.viewer_id]
            if not standing.sees:
                reader.end(Forbidden(UNSEEN))
            elif reader.group and standing.is_member is not reader.group.is_member:
                self._remove(reader)
                self._add(reader, standing)


def _key(reader: Reader, standing: Standing) -> Hashable:
    viewer_id = reader.viewer_id if reader.projection.is_personal else None
    return reader.projection.key, standing.is_member, viewer_id
