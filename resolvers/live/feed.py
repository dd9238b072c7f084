"""One book, followed once for all in this process who follow it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog
from asyncpg import QueryCanceledError

from models.refusal import Forbidden, NotFound
from resolvers.context import Context
from resolvers.event import UNSEEN
from resolvers.live.desk import Desk
from resolvers.live.group import helping
from resolvers.live.groups import Groups
from resolvers.live.journal import PAGE, Page, Row, page
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
#: Events of which Redis is still to tell what we have read already.
UNHEARD: Final = 1_000
#: No book has had as many changes: `seq` is an integer of 32 bits.
_NONE: Final = 2**31 - 1


class Feed:
    """Knows where the book is, sends what comes to those who are there, and helps the others to get there."""

    def __init__(
        self,
        book_id: UUID,
        database: Database,
        announcements: Announcements,
        budget: Budget,
        count: Callable[[], None],
    ) -> None:
        self._book_id = book_id
        self._database = database
        self._announcements = announcements
        self._desk = Desk(book_id, database)
        self._past = Past(book_id, database, budget, count)
        self._recent: Kept[Row] = Kept(budget)
        self._groups = Groups(book_id, database, budget)
        #: Where the book is, as far as anybody here was told.
        self._at: Page | None = None
        self._heard: Subscription | None = None
        #: What was read before it was heard of.
        self._unheard: dict[int, None] = {}
        self._lookers: list[asyncio.Future[None]] = []
        self._failing = False
        self._task = asyncio.create_task(self._run(), name="live: feed", context=contextvars.Context())

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
        self._groups.hold_to_limit(reader, standing)
        self._groups.add(reader, standing)
        try:
            await self._serve(reader)
        finally:
            self._groups.remove(reader)

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._desk.close()
        self._answer(self._lookers, ConnectionError("It is followed no longer."))
        for reader in self._groups:
            reader.end(ConnectionError("It is followed no longer."))
        self._groups.clear()
        self._past.clear()
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
            payloads = await self._groups.helping(group, rows)
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
        rows = self._recent.leading(range(place + 1, place + 1 + PAGE))
        rows = rows or [row for row in await self._past.after(place, self._at.epoch) if row.seq <= self._at.head]
        return rows[: helping([row.text for row in rows])]

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
            for reader in self._groups:
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
        for reader in self._groups:
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
        """Goes on by these, and sends them to those who keep up."""
        if not rows:
            return
        for row in rows:
            self._recent.add(row.seq, row, len(row.text))
            self._unheard[row.seq] = None
        while len(self._unheard) > UNHEARD:
            del self._unheard[next(iter(self._unheard))]
        self._at = replace(found, head=rows[-1].seq, rows=[])
        await self._groups.tell(rows)

    async def _review(self) -> None:
        """Ends those who may not see the book any more, before they see what came after."""
        now = await self._desk.review({reader.viewer_id for reader in self._groups})
        for reader in self._groups:
            standing = now[reader.viewer_id]
            if not standing.sees:
                reader.end(Forbidden(UNSEEN))
            else:
                self._groups.move(reader, standing)
