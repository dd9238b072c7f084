"""How the database changes under those who use it, and what a migration that was killed leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError

from server.settings import Settings
from storage import migrations
from storage.database import Database
from storage.migrations import migrate
from tests.databases import made
from tests.sockets import until
from tests.test_migrations import differences

WRITERS = 4
#: More than the step of 0002 takes at once, several times.
PHOTOS = 5_000
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
INDEXES = "SELECT array_agg(indexdef ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public'"


@dataclass
class Writer:
    """A program of 0001: each of its batches places a photo of its own book, and adds one."""

    connection: asyncpg.Connection
    book: UUID = field(default_factory=uuid4)
    page: UUID = field(default_factory=uuid4)
    photos: list[UUID] = field(default_factory=list)
    captions: dict[UUID, str] = field(default_factory=dict)
    elements: list[UUID] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def prepare(self) -> None:
        await self.connection.execute(
            "INSERT INTO books (id, title, visibility, seq, weight, epoch, created_at, updated_at)"
            " VALUES ($1, 'Sea', 'PRIVATE', 0, 0, 'one', now(), now())",
            self.book,
        )
        await self.connection.execute(
            "INSERT INTO pages (id, book_id, order_key, created_at) VALUES ($1, $2, 'a', now())", self.page, self.book
        )
        self.photos = [uuid4() for _ in range(PHOTOS // WRITERS)]
        await self.add(*self.photos)

    async def add(self, *photos: UUID) -> None:
        await self.connection.execute(
            "INSERT INTO images (id, book_id, status, status_at, filename, content_type, size, sha256, created_at)"
            " SELECT id, $1, 'READY', now(), 'a.jpg', 'image/jpeg', 1, id::text, now() FROM unnest($2::uuid[]) id",
            self.book,
            photos,
        )

    async def work(self, over: asyncio.Event) -> None:
        """Until it is over, and once more after it."""
        for number in count():
            last = over.is_set()
            try:
                await self.batch(self.photos[-number % len(self.photos)])
            except (asyncpg.PostgresError, TimeoutError) as error:
                self.errors.append(error)
            self.began.set()
            if last:
                return

    async def batch(self, photo: UUID) -> None:
        element, added = uuid4(), uuid4()
        async with self.connection.transaction():
            seq = await self.connection.fetchval(
                "UPDATE books SET seq = seq + 1 WHERE id = $1 RETURNING seq", self.book
            )
            await self.connection.execute(
                "INSERT INTO elements (id, book_id, page_id, kind, order_key, seq, x, y, width, height, scale_x,"
                " scale_y, angle, opacity, locked, created_at, updated_at, image_id)"
                " VALUES ($1, $2, $3, 'IMAGE', 'a', $4, 0, 0, 1, 1, 1, 1, 0, 1, false, now(), now(), $5)",
                *(element, self.book, self.page, seq, photo),
            )
            await self.connection.execute("UPDATE images SET caption = $2 WHERE id = $1", photo, str(seq))
            await self.add(added)
        self.captions[photo] = str(seq)
        self.elements.append(element)
        self.photos.append(added)

    async def keeps(self) -> None:
        """All that it was told is there."""
        rows = await self.connection.fetch(
            "SELECT i.id, i.object_id, i.caption FROM images i JOIN objects o ON o.id = i.object_id WHERE book_id = $1",
            self.book,
        )
        assert {row["id"] for row in rows} == {row["object_id"] for row in rows} == set(self.photos)
        assert {row["id"]: row["caption"] for row in rows if row["caption"]} == self.captions
        elements = await self.connection.fetch("SELECT id FROM elements WHERE book_id = $1", self.book)
        assert {row["id"] for row in elements} == set(self.elements)
        assert await self.connection.fetchval("SELECT seq FROM books WHERE id = $1", self.book) == len(self.elements)


@pytest_asyncio.fixture
async def database(base: Settings) -> AsyncIterator[Database]:
    """As 0001 left it."""
    async with made(base) as settings, Database(str(settings.database_url)) as database:
        await _step(database, "upgrade")
        yield database


async def _step(database: Database, direction: str) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: getattr(command, direction)(migrations._config(sync), "0001"))


@asynccontextmanager
async def writer_of(database: Database) -> AsyncIterator[Writer]:
    connection = await database.connect()
    writer = Writer(connection)
    await writer.prepare()
    yield writer
    await connection.close()


class KilledError(Exception):
    """What was migrating is gone."""


@contextmanager
def listening(name: str, heard: Callable[..., None]) -> Iterator[None]:
    """To each engine, since a migration has its own."""
    event.listen(Engine, name, heard)
    try:
        yield
    finally:
        event.remove(Engine, name, heard)


async def is_new(database: Database) -> bool:
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    return bool(await database.fetch_value(INVALID) == 0)


async def test_who_writes_meanwhile_loses_nothing_and_is_refused_nothing(database: Database) -> None:
    async with writer_of(database) as a, writer_of(database) as b, writer_of(database) as c, writer_of(database) as d:
        writers, over = (a, b, c, d), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.work(over))
            await asyncio.gather(*(writer.began.wait() for writer in writers))
            before = [len(writer.elements) for writer in writers]
            try:
                await migrate(database)
            finally:
                over.set()
        assert [writer.errors for writer in writers] == [[]] * WRITERS
        # Two at least: more than the one after it.
        assert all(len(writer.elements) > 1 + least for writer, least in zip(writers, before, strict=True))
        for writer in writers:
            await writer.keeps()
    assert await is_new(database)


@pytest.mark.parametrize("statement", ["ADD COLUMN object_id", "filled AS", "NOT NULL object_id NOT VALID"])
async def test_a_step_gives_way_to_who_is_at_it_and_is_taken_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setattr(migrations, "PAUSE", 0.01)
    gave_way: asyncio.Queue[str] = asyncio.Queue()

    def stopped(connection: Any, cursor: Any, asked: str, *_: Any) -> None:
        if statement in asked:
            raise KilledError

    def heard(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", None) == "55P03":
            gave_way.put_nowait(context.statement)

    async with writer_of(database) as writer:
        with listening("before_cursor_execute", stopped), pytest.raises(KilledError):
            await migrate(database)
        with listening("handle_error", heard):
            async with writer.connection.transaction():
                await writer.connection.execute("UPDATE images SET caption = NULL")
                migrating = asyncio.create_task(migrate(database))
                assert statement in await gave_way.get()
                # And who comes later is not held up by it.
                assert await database.fetch_value("SELECT count(*) FROM images") == len(writer.photos)
            await migrating
        await writer.keeps()
    assert await is_new(database)


async def test_a_migration_that_is_killed_before_any_of_its_statements_goes_on(database: Database) -> None:
    met: set[tuple[str, str]] = set()

    def once(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if (step := (statement, str(parameters))) not in met:
            met.add(step)
            raise KilledError

    async with writer_of(database) as writer:
        with listening("before_cursor_execute", once):
            for runs in count():
                try:
                    await migrate(database)
                    break
                except KilledError:
                    assert len(met) == runs + 1
        assert len([statement for statement, _ in met if "filled" in statement]) > 1
        await writer.keeps()
    assert await is_new(database)


async def test_an_index_of_which_a_half_is_there_is_built_anew(database: Database) -> None:
    async with writer_of(database) as writer:
        async with writer.connection.transaction():
            await writer.connection.execute("UPDATE books SET title = 'Hill'")
            migrating = asyncio.create_task(migrate(database))

            async def is_building() -> bool:
                return (
                    migrating.done() or await database.fetch_value(f"{INVALID} AND indrelid = 'books'::regclass") == 1
                )

            await until(is_building, within=20)
            killed = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ~ '^CREATE INDEX'"
            assert await database.fetch_value(killed) == 1
            with pytest.raises(SQLAlchemyError):
                await migrating
        assert await database.fetch_value(INVALID) == 1
        await migrate(database)
        await writer.keeps()
    assert await is_new(database)


async def test_back_is_where_it_came_from(database: Database) -> None:
    indexes = await database.fetch_value(INDEXES)
    await migrate(database)
    assert await database.fetch_value(INDEXES) != indexes
    await _step(database, "downgrade")
    assert await database.fetch_value(INDEXES) == indexes
    await migrate(database)
    assert await is_new(database)
