"""The lean connections: how many there are, in which order they are had, and what becomes of those that fail."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from models import Book, Role
from server.graphql.absence import is_absence
from server.settings import Settings
from storage.connections import Connection, Connections
from storage.database import Database
from storage.statement import compiled

PATIENCE = 5.0
WHO = "SELECT pg_backend_pid()"


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database(str(settings.database_url), pool_size=2) as database:
        yield database


async def _who(database: Database) -> int:
    return int(await database.fetch_value(WHO))


async def _ended(connection: Connection) -> None:
    """Once asyncpg knows that the connection is no more."""
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    if not connection.is_closed():
        async with asyncio.timeout(PATIENCE):
            await ended.wait()


async def test_a_value_is_that_of_the_first_row_and_first_column(database: Database) -> None:
    assert await database.fetch_value("SELECT $1::int + n, 'no' FROM generate_series(1, 2) n ORDER BY n", [1]) == 2
    assert await database.fetch_value("SELECT 1 WHERE false") is None
    assert await database.fetch_value("""SELECT '{"a": [1]}'::jsonb""") == '{"a": [1]}'
    assert await database.fetch_value("SHOW plan_cache_mode") == "force_generic_plan"
    assert await database.fetch_value("SHOW statement_timeout") == "4s"


async def test_connections_are_opened_when_needed_and_the_last_that_came_back_goes_out_first(
    database: Database,
) -> None:
    pool = database.connections
    assert (pool.used, pool.idle) == (0, 0)
    async with database.connection() as one:
        async with database.connection() as other:
            assert (pool.used, pool.idle) == (2, 0)
            pids = await one.value(WHO), await other.value(WHO)
        assert (pool.used, pool.idle) == (1, 1)
    assert (pool.used, pool.idle) == (0, 2)
    assert [await _who(database) for _ in range(3)] == [pids[0]] * 3


async def test_who_finds_none_free_waits_in_order_and_is_refused_in_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[int] = []

    async def ask(number: int) -> None:
        async with database.connection():
            served.append(number)

    async with database.connection():
        async with database.connection():
            asking = [asyncio.create_task(ask(number)) for number in range(20)]
            await _until(lambda: database.connections.waiting == 20)
            asking[3].cancel()
            await asyncio.wait([asking[3]])
            assert served == []
        await asyncio.gather(*asking, return_exceptions=True)
    assert served == [number for number in range(20) if number != 3]
    monkeypatch.setattr("storage.connections.pool.POOL_TIMEOUT", 0.05)
    async with database.connection(), database.connection():
        with pytest.raises(TimeoutError) as refused:
            await database.fetch_value("SELECT 1")
        assert is_absence(refused.value)
        assert database.connections.waiting == 0
    assert await database.fetch_value("SELECT 1") == 1


async def _until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 the pool tells nobody; a turn of the loop is enough
            await asyncio.sleep(0)


async def test_one_who_leaves_as_a_connection_comes_does_not_take_it_along(database: Database) -> None:
    async with database.connection() as held, database.connection():
        leaving = asyncio.create_task(database.connections.take())
        await _until(lambda: database.connections.waiting == 1)
        # Both before the task can run.
        database.connections.give(held)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert leaving.cancelled()
        assert database.connections.idle == 1
        assert await database.connections.take() is held


async def test_a_connection_that_the_server_ended_is_replaced(database: Database) -> None:
    async with database.connection() as one:
        with pytest.raises(ConnectionError) as lost:
            async with database.connection() as other:
                gone = await other.value(WHO)
                await one.value("SELECT pg_terminate_backend($1)", [gone])
                await _ended(other)
                await other.value("SELECT 1")
        assert is_absence(lost.value)
    # And while nobody has it.
    async with database.connection() as one, database.connection() as other:
        pids = {await one.value(WHO): one, await other.value(WHO): other}
    async with database.connection() as asking:
        [victim] = [pid for pid, connection in pids.items() if connection is not asking]
        await asking.value("SELECT pg_terminate_backend($1)", [victim])
        await _ended(pids[victim])
        async with database.connection() as fresh:
            assert await fresh.value(WHO) not in pids


async def test_whatever_comes_of_one_whose_end_has_just_come_is_an_absence(database: Database) -> None:
    met: Counter[str] = Counter()
    async with database.connection() as killer:
        for turns in range(200):
            try:
                async with database.connection() as victim:
                    pid = await victim.value(WHO)
                ending = asyncio.create_task(killer.value("SELECT pg_terminate_backend($1)", [pid]))
                # Sometimes before its last word has come, sometimes after.
                for _ in range(turns % 8):
                    await asyncio.sleep(0)
                try:
                    await database.fetch_value("SELECT 1")
                finally:
                    await ending
            except Exception as error:
                assert is_absence(error), repr(error)
                met[type(error).__name__] += 1
    # Those that were not seen to be dead were met.
    assert met.total()


async def test_one_that_is_ended_in_the_middle_is_an_absence_and_the_next_is_well(database: Database) -> None:
    with pytest.raises(asyncpg.PostgresError) as lost:
        await database.fetch_value("SELECT pg_terminate_backend(pg_backend_pid())")
    assert is_absence(lost.value)
    assert await database.fetch_value("SELECT 1") == 1


async def test_what_failed_in_a_transaction_is_not_used_again(database: Database) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.connection() as connection:
            pid = await connection.value(WHO)
            await connection.execute("BEGIN")
            await connection.rows("SELECT 1 / 0")
    assert await _who(database) != pid
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.connection() as connection, connection.transaction():
            pid = await connection.value(WHO)
            await connection.rows("SELECT 1 / 0")
    # This one was rolled back.
    assert await _who(database) == pid


async def test_what_was_cancelled_in_the_middle_is_closed_and_runs_no_longer(database: Database) -> None:
    running = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    async with database.connection() as watching:
        sleeping = asyncio.create_task(database.fetch_value("SELECT pg_sleep(4)"))
        async with asyncio.timeout(PATIENCE):
            while (pid := await watching.value(running)) is None:
                pass
            waiting = asyncio.create_task(_who(database))
            sleeping.cancel()
            await asyncio.wait([sleeping])
            assert sleeping.cancelled()
            # Its room is free once the server is done with it, and the cancellation can hit nobody else.
            assert await waiting != pid
            assert await watching.value(running) is None
    assert database.connections.used == 0


async def test_a_statement_that_hangs_is_cut(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.connections.pool.WATCH", 0.02)
    patient = {"server_settings": {"statement_timeout": "0"}}

    async def connect() -> Connection:
        connection: Connection = await asyncpg.connect(settings.database_url, connection_class=Connection, **patient)
        return connection

    pool = Connections(connect, 1, limit=0.1)
    for ask in (Connection.value, Connection.execute):
        connection = await pool.take()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(asyncpg.PostgresError) as cut:
                await ask(connection, "SELECT pg_sleep(60)")
        assert is_absence(cut.value)
        pool.give(connection)
    connection = await pool.take()
    assert await connection.value("SELECT 1") == 1
    pool.give(connection)
    await pool.close()


async def test_a_statement_outlives_a_change_of_its_table(database: Database) -> None:
    await database.fetch_value("CREATE TABLE things (a int)")
    await database.fetch_value("INSERT INTO things VALUES (1)")
    async with database.connection() as connection:
        assert [tuple(row) for row in await connection.rows("SELECT * FROM things")] == [(1,)]
        await connection.rows("ALTER TABLE things ADD b int DEFAULT 2")
        assert [tuple(row) for row in await connection.rows("SELECT * FROM things")] == [(1, 2)]
        await connection.rows("ALTER TABLE things ADD c int DEFAULT 3")
        with pytest.raises(asyncpg.InvalidCachedStatementError):
            async with connection.transaction():
                await connection.rows("SELECT * FROM things")
        assert [tuple(row) for row in await connection.rows("SELECT * FROM things")] == [(1, 2, 3)]


async def test_statements_are_prepared_once_and_the_least_used_make_room(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.connections.connection.PREPARED", 3)
    count = "SELECT count(*) FROM pg_prepared_statements"
    async with database.connection() as connection:
        for number in range(10):
            assert await connection.value(f"SELECT {number}") == number
            await connection.value(count)
        assert [*connection.prepared] == ["SELECT 8", "SELECT 9", count]
        # The one that made room is closed with the next that is prepared.
        assert await connection.value(count) <= 4


async def test_each_statement_is_told_of_and_none_where_nobody_listens(database: Database) -> None:
    told: list[str] = []

    @contextmanager
    def observe(statement: str) -> Iterator[None]:
        told.append(statement)
        try:
            yield
        except asyncpg.PostgresError:
            told.append("failed")
            raise

    database.connections.observe = observe
    await database.fetch_value("SELECT 1")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await database.fetch_value("SELECT 1 / 0")
    database.connections.observe = None
    await database.fetch_value("SELECT 2")
    assert told == ["SELECT 1", "SELECT 1 / 0", "failed"]


async def test_an_address_where_nobody_is_costs_no_room(settings: Settings) -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1) as nowhere:
        for _ in range(3):
            with pytest.raises(OSError) as refused:
                await nowhere.fetch_value("SELECT 1")
            assert is_absence(refused.value)
        assert nowhere.connections.used == 0


async def test_who_waits_is_let_in_when_one_before_could_not_connect(settings: Settings) -> None:
    tried, may_fail = asyncio.Event(), asyncio.Event()

    async def connect() -> Connection:
        if not tried.is_set():
            tried.set()
            await may_fail.wait()
            raise ConnectionRefusedError
        connection: Connection = await asyncpg.connect(settings.database_url, connection_class=Connection)
        return connection

    pool = Connections(connect, 1, limit=PATIENCE)
    first = asyncio.create_task(pool.take())
    await tried.wait()
    second = asyncio.create_task(pool.take())
    await _until(lambda: pool.waiting == 1)
    may_fail.set()
    with pytest.raises(ConnectionRefusedError):
        await first
    pool.give(await second)
    await pool.close()


async def test_closing_ends_all_and_refuses_who_waits(settings: Settings) -> None:
    database = Database(str(settings.database_url), pool_size=2)
    async with database.connection() as one, database.connection() as other:
        waiting = asyncio.create_task(database.fetch_value("SELECT 1"))
        await _until(lambda: database.connections.waiting == 1)
        await database.close()
        with pytest.raises(ConnectionError) as refused:
            await waiting
        assert is_absence(refused.value)
        assert one.is_closed() and other.is_closed()
    with pytest.raises(ConnectionError):
        await database.fetch_value("SELECT 1")
    assert database.connections.used == 0


async def test_what_people_wrote_is_not_in_an_error(database: Database) -> None:
    await database.fetch_value("CREATE TABLE letters (id int PRIMARY KEY, said text CHECK (said <> 'secret words'))")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await database.fetch_value("INSERT INTO letters VALUES (1, $1)", ["secret words"])
    assert "secret" not in str(refused.value)


def test_a_statement_of_sqlalchemy_becomes_text_and_the_order_of_its_arguments() -> None:
    ids, seq = bindparam("ids", type_=ARRAY(Uuid())), bindparam("seq", type_=Book.__table__.c.seq.type)  # type: ignore[attr-defined]
    table = Book.__table__  # type: ignore[attr-defined]
    made = compiled(select(table.c.id).where(table.c.id == any_(ids), table.c.seq > seq, table.c.title == Role.OWNER))
    assert (
        made.sql.split("WHERE ")[1]
        == "books.id = ANY ($1::UUID[]) AND books.seq > $2::INTEGER AND books.title = $3::VARCHAR"
    )
    assert made.arguments({"seq": 7, "ids": ["x"], "more": 1}) == [["x"], 7, "OWNER"]
    with pytest.raises(KeyError):
        made.arguments({"seq": 7})
    with pytest.raises(TypeError):
        compiled(select(table.c.id).where(table.c.seq.in_([1, 2])))
    with pytest.raises(TypeError):
        compiled(select(table.c.id).where(table.c.title == any_(bindparam("titles", ["a"], type_=ARRAY(Uuid())))))


async def test_the_same_parameter_is_given_once(database: Database) -> None:
    at = bindparam("id", type_=Uuid())
    made = compiled(select(at.label("a"), at.label("b")))
    id = "01890a5d-ac96-774b-bcce-b302099a8057"
    async with database.connection() as connection:
        [row] = await connection.rows(made.sql, made.arguments({"id": id}))
    assert ({str(value) for value in row}, made.names) == ({id}, ("id",))
