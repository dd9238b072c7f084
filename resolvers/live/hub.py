"""All books that are followed in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.refusal import BadUserInput, NotFound, RateLimited
from resolvers.context import Context
from resolvers.live.feed import Feed
from resolvers.live.kept import Budget
from resolvers.live.projection import Projection, Unshared
from resolvers.live.sink import Sink
from storage.broadcast import Announcements
from storage.database import Database

#: Seconds for which a book that nobody follows any more is kept at hand: many come back at once.
LINGER: Final = 10.0

#: Subscriptions of one viewer that may go the ordinary way, because an event cannot be told to all alike.
ASIDE: Final = 16


@dataclass(slots=True)
class _Followed:
    feed: Feed
    users: int = 0
    closing: asyncio.TimerHandle | None = None


class Hub:
    """One feed for each book, for as long as somebody follows it."""

    def __init__(self, database: Database, announcements: Announcements) -> None:
        self._database = database
        self._announcements = announcements
        self._budget = Budget()
        #: How often what followers had missed was read.
        self.reads = 0
        self._books: dict[UUID, _Followed] = {}
        self._closings: set[asyncio.Task[None]] = set()
        #: How many of each viewer's go the ordinary way.
        self._aside: Counter[UUID | None] = Counter()

    @property
    def books(self) -> int:
        """How many are followed."""
        return len(self._books)

    @property
    def readers(self) -> int:
        """How many follow them."""
        return sum(book.users for book in self._books.values())

    async def follow(
        self,
        context: Context,
        book_id: UUID | None,
        projection: Projection,
        sink: Sink,
        *,
        after: int | None,
        epoch: str | None,
    ) -> None:
        """As `Feed.follow`. Raises BadUserInput as well."""
        try:
            projection.check(context)
        except Unshared:
            raise Unshared(after, epoch) from None
        if after is not None and after < 0:
            raise BadUserInput("`after` is a book's seq: 0 or more.")
        if book_id is None:
            raise NotFound
        book = self._books.get(book_id)
        if book is None or book.feed.is_over:
            feed = Feed(book_id, self._database, self._announcements, self._budget, self._count)
            book = self._books[book_id] = _Followed(feed)
        book.users += 1
        if book.closing:
            book.closing.cancel()
            book.closing = None
        linger = LINGER
        try:
            await book.feed.follow(context, projection, sink, after=after, epoch=epoch)
        except NotFound:
            # Whoever asks for what is not theirs leaves nothing behind.
            linger = 0.0
            raise
        finally:
            book.users -= 1
            if not book.users:
                book.closing = asyncio.get_running_loop().call_later(linger, self._forget, book_id, book)

    @contextmanager
    def aside(self, viewer_id: UUID | None) -> Iterator[None]:
        """For one who goes on by themselves, at the cost of a statement an event. Raises RateLimited."""
        if self._aside[viewer_id] >= ASIDE:
            raise RateLimited("Too many of your subscriptions are told one by one.", retry_after=1)
        self._aside[viewer_id] += 1
        try:
            yield
        finally:
            self._aside[viewer_id] -= 1
            if not self._aside[viewer_id]:
                del self._aside[viewer_id]

    async def close(self) -> None:
        for book_id, book in [*self._books.items()]:
            if book.closing:
                book.closing.cancel()
            self._forget(book_id, book)
        await asyncio.gather(*self._closings)

    def _count(self) -> None:
        self.reads += 1

    def _forget(self, book_id: UUID, book: _Followed) -> None:
        # There may be another by now, in place of one that had failed.
        if self._books.get(book_id) is book:
            del self._books[book_id]
        closing = asyncio.create_task(book.feed.close())
        self._closings.add(closing)
        closing.add_done_callback(self._closings.discard)
