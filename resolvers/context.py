"""What an operation is answered with: who asks, and the parts that answer."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.columns import now
from models.quota import Quotas
from models.refusal import Refusal, Unauthenticated
from resolvers.answer import Answer
from resolvers.password import Passwords
from resolvers.presence.house import Presences
from resolvers.token import AccessTokens
from resolvers.turns import Turns
from resolvers.work import Work
from storage.broadcast import Announcements
from storage.database import Database
from storage.objects import Objects
from storage.picture import Pictures
from storage.revocations import Revocations

if TYPE_CHECKING:
    from resolvers.live import Hub, Unshared
    from resolvers.mail.mailroom import Mailroom


@dataclass(frozen=True, slots=True)
class Viewer:
    """The caller of an operation, as their verified access token says."""

    user_id: UUID
    session_id: UUID
    expires_at: datetime


@dataclass(frozen=True)
class Parts:
    """What a process answers with; made once, and closed with it."""

    database: Database
    announcements: Announcements
    revocations: Revocations
    presences: Presences
    objects: Objects
    pictures: Pictures
    passwords: Passwords
    tokens: AccessTokens
    upload_limit: int
    quotas: Quotas
    turns: Turns
    hub: "Hub"
    mailroom: "Mailroom"


@dataclass
class Context:
    """Of one operation. `caller` is who they proved to be, nobody, or why their token was refused."""

    parts: Parts
    caller: Viewer | Refusal | None
    ip_address: str | None = None
    user_agent: str | None = None
    #: Puts a fresh token on the connection that carries it; None where that is no websocket.
    renew: Callable[[Viewer, str], None] | None = None
    #: What of the rows that this touches is to be seen; None where nobody asks for any.
    answer: Answer | None = None
    #: What of the rows in the answer of each field at the root is to be seen, by its response key.
    asking: Callable[[str], Answer] | None = None
    #: Where a subscription goes on that others had shared.
    resumed: "Unshared | None" = None
    #: Why fields cannot be asked as they were, by the identity of their nodes.
    refusals: Mapping[int, Refusal] = field(default_factory=dict)

    @property
    def viewer(self) -> Viewer:
        """Raises Unauthenticated where nobody is signed in."""
        if self.viewer_or_nobody is None:
            raise Unauthenticated
        return self.viewer_or_nobody

    @property
    def viewer_or_nobody(self) -> Viewer | None:
        """Raises the refusal of a token that was sent and is not good."""
        if isinstance(self.caller, Refusal):
            raise self.caller
        return self.caller

    @property
    def viewer_id(self) -> UUID | None:
        viewer = self.viewer_or_nobody
        return viewer.user_id if viewer else None

    @property
    def session_id(self) -> UUID | None:
        viewer = self.viewer_or_nobody
        return viewer.session_id if viewer else None

    @property
    def now(self) -> datetime:
        return now()

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """One transaction: committed when the block ends, told once it has held, forgotten if it has not."""
        actor = self.caller.user_id if isinstance(self.caller, Viewer) else None
        async with self.parts.database.session() as session:
            work = Work(session, actor_id=actor, now=now(), answer=self.answer)
            async with session.begin():
                yield work
        for channel, message in work.hints.items():
            self.parts.announcements.tell(channel, message)
        if work.revoked:
            self.parts.revocations.add(work.revoked)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session to read with; shared with nobody, since fields are answered side by side."""
        async with self.parts.database.session() as session:
            yield session

    async def show(self, rows: Mapping[str, Collection[UUID]]) -> None:
        """Reads what the caller asked to see of these rows, where no work is open."""
        if self.answer is not None and self.answer.asks:
            async with self.parts.database.connection() as connection:
                await self.answer.read(connection.rows, rows)
