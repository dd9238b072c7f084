"""A work: one transaction, and what is told of it once it has held."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from asyncpg import PostgresError, Record
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col

from models import Book, Event, Member
from models.event import Fact
from resolvers.answer import Answer
from storage.channels import book_channel, user_channel
from storage.connections import Observer
from storage.jobs import Job, Queue
from storage.statement import Statement

_NOTHING: Final = select(literal(None))
_propagator = TraceContextTextMapPropagator()


class Work:
    """Nobody commits by hand; what is announced gets its number in the same transaction."""

    def __init__(
        self,
        session: AsyncSession,
        *,
        actor_id: UUID | None,
        now: datetime,
        answer: Answer | None = None,
        observe: Observer | None = None,
    ) -> None:
        self.session = session
        self._observe = observe
        self._answer = answer
        self.actor_id = actor_id
        self.now = now
        #: By channel, what is told after the commit; the newest word on a channel is enough.
        self.hints: dict[str, str] = {}
        #: The sessions that this ends.
        self.revoked: list[UUID] = []

    async def number(self, book: Book) -> int:
        """Raises the book's seq under its row's lock, and returns it."""
        raised = await self.session.execute(
            update(Book)
            .where(col(Book.id) == book.id)
            .values(seq=col(Book.seq) + 1, updated_at=self.now)
            .returning(col(Book.seq), col(Book.epoch))
            .execution_options(synchronize_session=False)
        )
        seq, epoch = raised.one()
        set_committed_value(book, "seq", seq)
        set_committed_value(book, "updated_at", self.now)
        self.hints[book_channel(book.id)] = f"{epoch}:{seq}"
        return int(seq)

    async def announce(self, book: Book, fact: Fact) -> int:
        """Writes the fact into the book's journal, under its next seq."""
        await self.session.flush()
        seq = await self.number(book)
        kind, payload = fact.told()
        self.session.add(
            Event(
                book_id=book.id,
                seq=seq,
                kind=kind,
                payload=payload,
                actor_id=self.actor_id,
                at=self.now,
            )
        )
        return seq

    async def owe(self, *jobs: Job) -> None:
        """Puts these into the queue, in one statement: they are there once the work has held."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        await Queue.put(self.session, jobs, carrier.get("traceparent"))

    async def show(self, rows: Mapping[str, Collection[UUID]]) -> None:
        """Reads what the caller asked to see of these rows, by the letters of their kind: the work's last statement."""
        if self._answer is None or not self._answer.asks:
            return
        await self.session.flush()
        driver = await self._driver()
        await self._answer.read(lambda sql, values: self._fetch(driver, sql, values), rows)

    async def run(self, statement: Statement, given: Mapping[str, Any]) -> list[Record]:
        """Runs what was built once, with these values as asyncpg takes them, after all that was written so far.

        For what people wait for: to build a statement anew takes several times what it takes to run.
        """
        await self.session.flush()
        return await self._fetch(await self._driver(), statement.sql, statement.arguments(given))

    async def _driver(self) -> Any:
        """The connection below, within this work's transaction."""
        connection = await self.session.connection()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        if not driver.is_in_transaction():
            # It begins with the first statement that goes through SQLAlchemy.
            await connection.execute(_NOTHING)
        return driver

    async def _fetch(self, driver: Any, sql: str, arguments: Sequence[Any]) -> list[Record]:
        with nullcontext() if self._observe is None else self._observe(sql):
            try:
                rows: list[Record] = await driver.fetch(sql, *arguments)
            except PostgresError as error:
                # Rows and values, which are not to be in a log.
                error.detail = None
                raise
            return rows

    def tell(self, user_ids: Iterable[UUID], book_id: UUID) -> None:
        """Has these people's own lists look at the book again."""
        for user_id in user_ids:
            channel = user_channel(user_id)
            # Two books at once: then the list is read anew.
            self.hints[channel] = str(book_id) if self.hints.get(channel, str(book_id)) == str(book_id) else ""

    async def tell_members(self, book_id: UUID) -> None:
        """Has every member's own list look at the book again."""
        members = await self.session.scalars(select(col(Member.user_id)).where(col(Member.book_id) == book_id))
        self.tell(members, book_id)
