"""What is told when Redis tells nothing: the journal is followed in its place."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from server.app import App
from server.settings import Settings
from storage.broadcast import poller
from storage.channels import book_channel
from storage.database import Database
from storage.journal import Heads, new_epochs
from tests import client as asks
from tests.client import Client, changed, joined
from tests.people import somebody
from tests.proxy import Proxy
from tests.running import served


@dataclass
class House:
    """The program behind a Redis that can be broken."""

    app: App
    redis: Proxy
    ada: Client


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[House]:
    redis = urlsplit(str(settings.redis_url))
    async with Proxy(redis.hostname or "", redis.port or 0) as proxy, httpx.AsyncClient(timeout=30) as http:
        through = redis._replace(netloc=f"{redis.netloc.removesuffix(str(redis.port))}{proxy.port}").geturl()
        async with served(settings.model_copy(update={"redis_url": through})) as (app, url):
            yield House(app, proxy, await somebody(app, Client(http, url), "Ada"))


async def book_of(owner: Client, **fields: Any) -> str:
    return str((await owner.ask(asks.CREATE_BOOK, input={"title": "0", **fields})).it["book"]["id"])


async def written(database: Database, statement: str) -> None:
    async with database.session.begin() as session:
        await session.execute(text(statement))


async def test_with_redis_dead_or_hung_writers_are_quick_and_readers_miss_nothing(settings: Settings) -> None:
    async with house(settings) as at:
        book_id, seq = await book_of(at.ada), 0
        took: list[float] = []
        async with at.ada.follow(asks.EVENTS, bookId=book_id, after=0) as events:

            async def ten() -> None:
                nonlocal seq
                for _ in range(10):
                    began = time.perf_counter()
                    seq = await changed(at.ada, book_id, title=f"after {seq}")
                    took.append(time.perf_counter() - began)
                    assert (await events.next(patience=2))["seq"] == seq

            await ten()
            await at.redis.refuse()
            await ten()
            await at.redis.accept()
            await ten()
            at.redis.hang()
            await ten()
            at.redis.resume()
            await ten()
            # Killed again and again, as by CLIENT KILL.
            for _ in range(3):
                await at.redis.cut()
                await ten()
        assert seq == 80
        # A publish to a hung Redis may take 0.5 s: no mutation waits for it.
        assert sum(seconds >= 0.5 for seconds in took) < 5


async def test_with_redis_away_a_removal_ends_the_stream_within_two_seconds(settings: Settings) -> None:
    async with house(settings) as at:
        private, public = await book_of(at.ada), await book_of(at.ada, visibility="PUBLIC")
        ben = await somebody(at.app, at.ada, "Ben")
        seq = await joined(at.ada, private, ben)
        async with (
            ben.follow(asks.EVENTS, bookId=private, after=seq - 1) as members,
            ben.follow(asks.EVENTS, bookId=public, after=0) as anyones,
        ):
            await members.next()
            await changed(at.ada, public, title="1")
            assert (await anyones.next())["seq"] == 1
            await at.redis.refuse()
            async with asyncio.timeout(2):
                await at.ada.ask(asks.REMOVE_MEMBER, bookId=private, userId=ben.user_id)
                await changed(at.ada, private, title="secret")
                assert await members.end() == "FORBIDDEN"
            async with asyncio.timeout(2):
                await changed(at.ada, public, visibility="PRIVATE")
                await changed(at.ada, public, title="secret")
                assert await anyones.end() == "FORBIDDEN"


async def test_what_was_committed_and_never_published_is_found_by_the_idle_look(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "POLL_IDLE", 0.1)
    async with house(settings) as at:
        book_id = await book_of(at.ada)
        await changed(at.ada, book_id, title="1")
        async with at.ada.follow(asks.EVENTS, bookId=book_id, after=0) as events:
            assert (await events.next())["seq"] == 1
            database = at.app.parts.database
            await written(
                database,
                "WITH next AS (UPDATE books SET seq = 2 RETURNING id) "
                "INSERT INTO events (book_id, seq, kind, payload, at) "
                "SELECT id, 2, 'BookChanged', '{}', now() FROM next",
            )
            assert (await events.next(patience=2))["seq"] == 2
            # So is a new epoch, and a backup that was restored.
            await new_epochs(database)
            resync = await events.next(patience=2)
            assert (resync["__typename"], resync["seq"]) == ("Resync", 2)
            await written(database, "DELETE FROM events")
            await written(database, "UPDATE books SET seq = 1")
            fallen = await events.next(patience=2)
            assert (fallen["__typename"], fallen["seq"]) == ("Resync", 1)
            assert fallen["epoch"] != resync["epoch"]
            assert (await at.ada.ask(asks.BOOK, id=book_id)).it["epoch"] == fallen["epoch"]


async def test_only_heads_that_have_moved_are_news_and_a_look_that_was_cut_short_loses_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(settings) as at:
        ids = [await book_of(at.ada) for _ in range(2)]
        channels = [book_channel(UUID(id.partition("_")[2])) for id in ids]
        database = at.app.parts.database
        heads = Heads(database)
        epochs = [(await at.ada.ask(asks.BOOK, id=id)).it["epoch"] for id in ids]
        assert await heads.news(channels) == {
            channel: f"{epoch}:0" for channel, epoch in zip(channels, epochs, strict=True)
        }
        assert await heads.news(channels) == {}
        for id in ids:
            await changed(at.ada, id, title="1")
        await heads.news(channels)
        # One falls, one rises, and the writing of the new epoch has to wait.
        await written(database, f"UPDATE books SET seq = 0 WHERE id = '{ids[1].partition('_')[2]}'")
        await changed(at.ada, ids[0], title="2")
        async with database.session.begin() as session:
            await session.execute(text("SELECT 1 FROM books FOR UPDATE"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await heads.news(channels)
        news = await heads.news(channels)
        assert news[channels[0]] == f"{epochs[0]}:2"
        epoch, seq = news[channels[1]].split(":")
        assert (epoch != epochs[1], seq) == (True, "0")
        assert await heads.news(channels) == {}


async def test_as_many_books_as_there_are_can_be_watched(settings: Settings) -> None:
    database = Database(str(settings.database_url))
    try:
        assert await Heads(database).news([book_channel(uuid4()) for _ in range(40_000)]) == {}
    finally:
        await database.close()
