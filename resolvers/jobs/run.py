"""One try of a job, as whoever does it sees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from resolvers.context import Context, Parts
from resolvers.work import Work
from storage.jobs import Held, Queue


@dataclass
class Run:
    """A job may be killed anywhere and run again; what it does in `finishing` it does once."""

    parts: Parts
    held: Held
    #: Whether no try follows this one.
    is_last: bool
    #: Whether it has ended already, in a work of its own.
    is_finished: bool = False

    @property
    def id(self) -> int:
        return self.held.id

    @property
    def key(self) -> str | None:
        return self.held.key

    @property
    def tried(self) -> int:
        """1 in the first try."""
        return self.held.tries

    @asynccontextmanager
    async def work(self, actor_id: UUID | None = None) -> AsyncIterator[Work]:
        """One transaction: committed when the block ends, told once it has held."""
        async with Context(self.parts, None).work() as work:
            work.actor_id = actor_id
            yield work

    @asynccontextmanager
    async def finishing(self, actor_id: UUID | None = None) -> AsyncIterator[Work]:
        """The job's last work: it holds together with the job's end, or not at all. Raises LeaseLost at its own end."""
        async with self.work(actor_id) as work:
            yield work
            await work.session.flush()
            await Queue.finish_in(work.session, self.held)
        self.is_finished = True
