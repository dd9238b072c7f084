"""A hub that hears of nothing but what it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from resolvers.live import Hub
from server.app import App
from storage.broadcast import GAP, Announcements, ValkeyBackend
from storage.channels import book_channel
from tests.client import PATIENCE, Client
from tests.live.twins import Numbers, Paper, context_of
from tests.people import uuid_of


class Quiet:
    """The hub, and those who follow a book in it."""

    def __init__(self, app: App, announcements: Announcements) -> None:
        self.app = app
        self.announcements = announcements
        self.hub = Hub(app.parts.database, announcements)
        self.following: list[asyncio.Task[None]] = []

    def nudge(self, book_id: str) -> None:
        """As a poll does that has found something."""
        self.announcements._tell(book_channel(UUID(uuid_of(book_id))), GAP)

    def follow(
        self,
        client: Client,
        book_id: str,
        asked: Numbers,
        paper: Paper,
        after: int | None = None,
        epoch: str | None = None,
    ) -> asyncio.Task[None]:
        given = context_of(self.app, client), UUID(uuid_of(book_id)), asked, paper
        self.following.append(asyncio.create_task(self.hub.follow(*given, after=after, epoch=epoch)))
        return self.following[-1]

    async def followed(
        self, client: Client, book_id: str, asked: Numbers, after: int
    ) -> tuple[Paper, asyncio.Task[None]]:
        """One who has been told of what came after, which there must be."""
        paper = Paper()
        task = self.follow(client, book_id, asked, paper, after)
        assert (await paper.next())["seq"] == after + 1
        return paper, task


@asynccontextmanager
async def quiet_hub(app: App) -> AsyncIterator[Quiet]:
    # Nobody listens there.
    async with Announcements(ValkeyBackend("redis://127.0.0.1:1")) as announcements:
        quiet = Quiet(app, announcements)
        try:
            yield quiet
        finally:
            await quiet.hub.close()
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*quiet.following, return_exceptions=True)
