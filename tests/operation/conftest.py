"""A second program on the same database: what goes on there takes no turns with the first."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from server.settings import Settings
from tests.canvas import PaintedBook
from tests.running import served


@pytest_asyncio.fixture
async def elsewhere(book: PaintedBook, settings: Settings) -> AsyncIterator[PaintedBook]:
    """The same book, and its owner there."""
    async with served(settings) as (_, url):
        yield replace(book, owner=book.owner.at(url))
