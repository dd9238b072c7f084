"""The people who follow books, and the program that they follow them in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from server.app import App
from tests.client import Client, changed
from tests.live.quiet import Quiet, quiet_hub
from tests.people import made_book, somebody, uuid_of

Execute = Callable[..., Awaitable[None]]


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def ada(town: tuple[App, Client]) -> Client:
    return await somebody(*town, "Ada")


@pytest_asyncio.fixture
async def book_id(ada: Client) -> str:
    """Ada's book, of which there is something to tell already."""
    id = await made_book(ada)
    await changed(ada, id, title="first")
    return id


@pytest.fixture
def execute(app: App) -> Execute:
    """Does what no mutation does."""

    async def execute(statement: str, **values: Any) -> None:
        async with app.parts.database.session.begin() as session:
            await session.execute(text(statement), values)

    return execute


@pytest_asyncio.fixture
async def grown(book_id: str, execute: Execute) -> int:
    """The number of events that the book has had by now."""
    await execute(
        "INSERT INTO events (book_id, seq, kind, payload, at) "
        "SELECT id, number, 'BookChanged', '{}', now() FROM books, generate_series(seq + 1, 150) number WHERE id = :id",
        id=uuid_of(book_id),
    )
    await execute("UPDATE books SET seq = 150 WHERE id = :id", id=uuid_of(book_id))
    return 150


@pytest_asyncio.fixture
async def quiet(app: App) -> AsyncIterator[Quiet]:
    """A hub that knows of no more than it is told."""
    async with quiet_hub(app) as quiet:
        yield quiet
