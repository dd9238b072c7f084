"""Redis away, every connection to Postgres cut: nobody is sent away, and nothing is lost."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest_asyncio

from server.settings import Settings
from tests import client as asks
from tests.client import Client, changed
from tests.live.following import PLAIN, seqs, side_by_side
from tests.people import made_book, somebody
from tests.proxy import Proxy
from tests.running import served
from tests.sockets import until

CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest_asyncio.fixture
async def far(settings: Settings) -> AsyncIterator[tuple[Client, Proxy]]:
    """Somebody in a program that reaches Redis by a proxy."""
    redis = urlsplit(str(settings.redis_url))
    async with Proxy(redis.hostname or "", redis.port or 0) as proxy, httpx.AsyncClient(timeout=30) as http:
        through = redis._replace(netloc=f"{redis.netloc.removesuffix(str(redis.port))}{proxy.port}").geturl()
        async with served(settings.model_copy(update={"redis_url": through})) as (app, url):
            yield await somebody(app, Client(http, url), "Ada"), proxy


async def test_while_redis_is_away_all_are_told_and_when_it_is_back(far: tuple[Client, Proxy]) -> None:
    ada, redis = far
    book_id = await made_book(ada)
    await changed(ada, book_id, title="first")
    async with side_by_side(book_id, [(ada, PLAIN, {})] * 5) as followers:
        for number in range(30):
            if number == 5:
                await redis.refuse()
            if number == 20:
                await redis.accept()
            await changed(ada, book_id, title=f"{number}")
        # Who comes in between is told as well.
        async with side_by_side(book_id, [(ada, PLAIN, {"after": 0})]):
            for follower in followers:
                assert seqs(await follower.take(30)) == list(range(2, 32))


async def test_when_postgres_cuts_all_connections_all_are_told_what_was_committed(
    far: tuple[Client, Proxy], settings: Settings
) -> None:
    ada, _ = far
    book_id = await made_book(ada)
    await changed(ada, book_id, title="first")
    knife = await asyncpg.connect(settings.database_url)

    async def retitled(title: str) -> bool:
        return (await ada.ask(asks.UPDATE_BOOK, input={"id": book_id, "title": title})).code is None

    async with side_by_side(book_id, [(ada, PLAIN, {})] * 5) as followers:
        for number in range(30):
            if number % 7 == 3:
                await knife.execute(CUT)
            # Refused while it is away, and perhaps committed all the same.
            await until(lambda title=f"{number}": retitled(title), asks.PATIENCE)  # type: ignore[misc]
        head = (await ada.ask(asks.BOOK, id=book_id)).it["seq"]
        assert head >= 31
        for follower in followers:
            assert seqs(await follower.take(head - 1)) == list(range(2, head + 1))
    await knife.close()
