"""What an operation is answered with: who asks, and the parts that answer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.columns import now
from models.quota import Quotas
from models.refusal import ACCOUNT_GONE, SESSION_ENDED, Refusal, Unauthenticated
from models.rules import AccountRules
from resolvers.answer import Answer
from resolvers.cookie import RefreshCookie
from resolvers.identity import Providers
from resolvers.keyring import Keyring
from resolvers.noted import Noted
from resolvers.password import Passwords
from resolvers.presence.house import Presences
from resolvers.rates import Counted, Rate, Rates
from resolvers.token import AccessTokens, RefreshTokens
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


#: Of the pool of connections that is read with, which has two at least.
COUNTING_LIMIT: Final = 2


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
    keyring: Keyring
    tokens: AccessTokens
    refresh_tokens: RefreshTokens
    rules: AccountRules
    identities: Providers
    upload_limit: int
    quotas: Quotas
    rates: Rates
    turns: Turns
    hub: "Hub"
    mailroom: "Mailroom"
    noted: Noted = field(default_factory=Noted)
    #: Sign-ins under way, by the neighbourhood that they come from.
    signing_in: Counter[str] = field(default_factory=Counter)
    #: Connections that wait at a time for tries to be counted: a flood of them leaves the others to readers.
    counting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(COUNTING_LIMIT))


@dataclass
class Context:
    """Of one operation. `caller` is who they proved to be, nobody, or why their token was refused."""

    parts: Parts
    caller: Viewer | Refusal | None
    ip_address: str | None = None
    user_agent: str | None = None
    #: Puts a fresh token on the connection that carries it; None where that is no websocket.
    renew: Callable[[Viewer, str], None] | None = None
    #: Where a browser wants its refresh token to be; None for those who want it in the answer.
    cookie: RefreshCookie | None = None
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
        viewer = self.viewer_or_nobody
        if viewer is None:
            raise Unauthenticated
        return viewer

    @property
    def viewer_or_nobody(self) -> Viewer | None:
        """Raises the refusal of a token that was sent and is not good, or is good no more."""
        if isinstance(self.caller, Refusal):
            raise self.caller
        # Asked each time: an operation can take longer than its session lives.
        if self.caller is not None and self.parts.revocations.covers(self.caller.session_id):
            raise Unauthenticated(SESSION_ENDED)
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
    def wants_cookie(self) -> bool:
        return self.cookie is not None

    def spend(self, cost: int) -> None:
        """Charges the caller for all of the operation. Raises RateLimited."""
        self.parts.rates.spend(self._counted, cost)

    async def hit(self, rate: Rate, arguments: Mapping[str, Any], cost: int = 1) -> None:
        """Counts one call of what has a rate of its own. Raises RateLimited."""
        await self.parts.rates.hit(rate, self._counted, arguments, cost)

    @property
    def _counted(self) -> Counted:
        person = self.caller.user_id if isinstance(self.caller, Viewer) else None
        return Counted(str(person) if person else None, self.ip_address)

    @property
    def now(self) -> datetime:
        return now()

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """One transaction: committed when the block ends, told once it has held, forgotten if it has not."""
        actor = self.caller.user_id if isinstance(self.caller, Viewer) else None
        async with self.parts.database.session() as session:
            observe = self.parts.database.connections.observe
            work = Work(session, actor_id=actor, now=now(), answer=self.answer, observe=observe)
            try:
                async with session.begin():
                    yield work
            except IntegrityError as error:
                detail = getattr(error.orig and error.orig.__cause__, "detail", None) or ""
                if actor is not None and f'({actor}) is not present in table "users"' in detail:
                    raise Unauthenticated(ACCOUNT_GONE) from error
                raise
            self.parts.noted.tell(session)
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
