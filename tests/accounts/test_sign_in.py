"""Signing in with a password: who is found, what it costs, and what it tells."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import argon2
import httpx
import pytest
from sqlalchemy import event

from models.columns import now
from resolvers import reauthentication
from resolvers.context import Context, Viewer
from resolvers.password import Passwords
from resolvers.sign_in import password as way
from resolvers.sign_in import tries
from server.app import App
from storage.connections import Connection
from tests.accounts.asking import (
    CHANGE_PASSWORD,
    OTHER,
    WRONG,
    confirm,
    events,
    fresh,
    sign_in,
    sign_up,
    sql,
    uuid,
    who,
)
from tests.client import PASSWORD, Client


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest.fixture
def client(town: tuple[App, Client]) -> Client:
    return town[1]


@contextmanager
def counting(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked of Postgres about accounts, over either pool, and what is hashed with which parameters."""
    done: list[str] = []
    verify = argon2.PasswordHasher.verify
    engine, lean = app.parts.database.engine.sync_engine, app.parts.database.connections

    def verified(hasher: argon2.PasswordHasher, hash: str, password: str) -> bool:
        done.append("argon2 " + hash.rpartition("p=")[0])
        return bool(verify(hasher, hash, password))

    def executed(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "attempts" in statement or "security_events" in statement or "users" in statement:
            # Into which of the two tables is all that may differ.
            done.append(
                statement.split(" (")[0].split("FROM")[0].replace("attempts", "…").replace("security_events", "…")
            )

    @contextmanager
    def observed(statement: str) -> Iterator[None]:
        # Not what the program does by itself meanwhile.
        if "tries" in statement or "attempts" in statement or "security_events" in statement or "casefold" in statement:
            done.append(statement)
        yield

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verified)
    monkeypatch.setattr(lean, "observe", observed)
    event.listen(engine, "before_cursor_execute", executed)
    yield done
    event.remove(engine, "before_cursor_execute", executed)
    monkeypatch.undo()


async def test_whatever_is_wrong_the_same_work_is_done_and_the_same_is_said(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ida, una = [await sign_up(client, fresh()) for _ in range(3)]
    await confirm(app, ada)
    await confirm(app, ida)
    # Who came by an identity has no password.
    await sql(app, "UPDATE users SET password_hash = NULL WHERE id = $1", uuid(ida))
    works, answers = [], []
    for email in (ada.email, ada.email.upper(), ida.email, una.email, fresh(), "not an address"):
        with counting(app, monkeypatch) as work:
            answers.append(await sign_in(client, email, OTHER))
        works.append(work)
    assert [answer.user_errors for answer in answers] == [[WRONG]] * len(answers)
    assert len({str(answer.data) for answer in answers}) == 1
    # As many statements, in the same order, of which two write; and one hash of one strength.
    assert works == [works[0]] * len(works)
    assert [each for each in works[0] if each.startswith("argon2")] == ["argon2 $argon2id$v=19$m=1024,t=1,"]
    assert sum(each.startswith("INSERT INTO ") for each in works[0]) == 2


async def test_failures_are_noted_for_the_owner_up_to_a_number_a_day(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "FAILURES_A_DAY", 2)
    ada = await sign_up(client, fresh())
    before = await events(app, ada)
    for _ in range(3):
        assert await who(client, ada.email, OTHER) is None
    assert (await events(app, ada))[len(before) :] == ["SIGN_IN_FAILED"] * 2
    assert await who(client, ada.email) == ada.user_id


@pytest.mark.parametrize("details", ['{"by": "password again"}', '{"proof": "PASSKEY"}'])
async def test_what_is_tried_in_another_way_hides_no_wrong_password(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch, details: str
) -> None:
    monkeypatch.setattr(tries, "FAILURES_A_DAY", 2)
    ada = await sign_up(client, fresh())
    other = (
        "INSERT INTO security_events (id, user_id, kind, at, details)"
        " SELECT gen_random_uuid(), $1, 'SIGN_IN_FAILED', now(), $2::text::jsonb FROM generate_series(1, 20)"
    )
    await sql(app, other, uuid(ada), details)
    assert await who(client, ada.email, OTHER) is None
    assert (await events(app, ada)).count("SIGN_IN_FAILED") == 21


async def test_a_try_whose_count_came_too_late_is_none(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await sign_up(client, fresh())
    await sql(app, "DELETE FROM attempts")
    asked = Connection.rows

    async def late(connection: Connection, statement: str, arguments: Sequence[Any] = ()) -> Any:
        found = await asked(connection, statement, arguments)
        if "take_tries" in statement:
            raise TimeoutError
        return found

    monkeypatch.setattr(Connection, "rows", late)
    assert (await sign_in(client, ada.email, OTHER)).code == "UNAVAILABLE"
    assert not await sql(app, "SELECT FROM attempts")


async def test_a_confirmed_owner_is_the_only_one_who_is_looked_at_and_else_who_came_first(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = fresh()
    people = [await sign_up(client, email, f"Ada{n}", f"password of {n}") for n in range(5)]
    # As many hashes for five as for one.
    with counting(app, monkeypatch) as work:
        assert await who(client, email, "password of 0") == people[0].user_id
    assert sum(each.startswith("argon2") for each in work) == 1
    assert await who(client, email, "password of 4") is None
    await confirm(app, people[4])
    assert await who(client, email, "password of 4") == people[4].user_id
    assert await who(client, email, "password of 0") is None


async def test_who_has_an_address_and_no_password_shuts_out_nobody_who_has_one(app: App, client: Client) -> None:
    email = fresh()
    first, ada = [await sign_up(client, email, name, f"password of {name}") for name in ("Eve", "Ada")]
    await sql(app, "UPDATE users SET password_hash = NULL WHERE id = $1", uuid(first))
    assert await who(client, email, "password of Ada") == ada.user_id


async def test_a_hash_of_weaker_parameters_is_replaced_by_the_next_right_password(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await sql(app, "UPDATE users SET password_hash = $2 WHERE id = $1", uuid(ada), weak)
    assert await who(client, ada.email, OTHER) is None
    assert await _hash(app, ada) == weak
    assert await who(client, ada.email) == ada.user_id
    assert (stronger := await _hash(app, ada)).startswith("$argon2id$v=19$m=1024,t=1,p=1$")
    # Once is enough.
    assert await who(client, ada.email) == ada.user_id
    assert await _hash(app, ada) == stronger


async def test_a_password_that_is_changed_while_it_is_compared_lets_nobody_in(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await sign_up(client, fresh())
    compared, go_on = asyncio.Event(), asyncio.Event()
    match = Passwords.match

    async def slow(passwords: Passwords, password: str, hash: str | None) -> bool:
        matches = await match(passwords, password, hash)
        compared.set()
        await go_on.wait()
        return matches

    monkeypatch.setattr(Passwords, "match", slow)
    late = asyncio.create_task(sign_in(client, ada.email))
    await compared.wait()
    monkeypatch.undo()
    given = {"currentPassword": PASSWORD, "newPassword": OTHER}
    assert (await ada.ask(CHANGE_PASSWORD, input=given)).it["viewer"]["email"] == ada.email
    go_on.set()
    assert (await late).user_errors == [WRONG]
    [row] = await sql(app, "SELECT count(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL", uuid(ada))
    assert row["count"] == 1


async def test_a_disabled_account_lets_nobody_in_and_says_so_to_its_owner_alone(app: App, client: Client) -> None:
    ada = await sign_up(client, fresh())
    await sql(app, "UPDATE users SET disabled_at = now() WHERE id = $1", uuid(ada))
    assert (await sign_in(client, ada.email, OTHER)).user_errors == [WRONG]
    refused = await sign_in(client, ada.email)
    assert (refused.code, refused.path) == ("FORBIDDEN", ["input"])
    [row] = await sql(app, "SELECT count(*) FROM sessions WHERE user_id = $1", uuid(ada))
    assert row["count"] == 1


async def test_a_hundred_sign_ins_at_once_keep_nobody_from_reading(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await sign_up(client, fresh())
    # The hands are held below; what they would take for it themselves is nothing to this.
    monkeypatch.setattr(Passwords, "_verify", lambda *_: False)
    await sql(app, "DELETE FROM attempts")
    emails = [fresh() for _ in range(100)]
    crowd = replace(client, http=httpx.AsyncClient(limits=httpx.Limits(max_connections=len(emails)), timeout=60))
    done = Event()
    for _ in range(app.parts.passwords._hands._max_workers):
        app.parts.passwords._hands.submit(done.wait)
    try:
        waiting = [asyncio.create_task(sign_in(crowd, email)) for email in emails]
        # All of them have come to where they need a hand; none of them holds a connection, of which there are ten.
        async with asyncio.timeout(20):
            while app.parts.passwords._waiting < len(emails):
                assert (await ada.ask("{ viewer { email } }")).it == {"email": ada.email}
        assert not any(each.done() for each in waiting)
        assert (await ada.ask("{ books { totalCount } }")).it == {"totalCount": 0}
    finally:
        done.set()
    assert {answer.code for answer in await asyncio.gather(*waiting)} == {"WRONG_CREDENTIALS"}
    await crowd.http.aclose()
    await sql(app, "DELETE FROM attempts")


async def test_a_right_password_that_is_refused_for_something_else_is_none_of_the_wrong_ones(
    app: App, client: Client
) -> None:
    ada = await sign_up(client, fresh())
    await sql(app, "DELETE FROM attempts")
    await sql(app, "UPDATE users SET disabled_at = now() WHERE id = $1", uuid(ada))
    assert (await sign_in(client, ada.email)).code == "FORBIDDEN"
    assert not await sql(app, "SELECT FROM attempts")
    assert (await sign_in(client, ada.email, OTHER)).code == "WRONG_CREDENTIALS"
    # Of the address, of all from there, and one for the time that it takes or for the owner to see.
    assert len(await sql(app, "SELECT FROM attempts WHERE key <> ''")) == 2


async def test_who_goes_before_the_answer_is_counted_nowhere(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await sign_up(client, fresh())
    await sql(app, "DELETE FROM attempts")
    compares = asyncio.Event()

    async def never(*_: Any) -> bool:
        compares.set()
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(Passwords, "match", never)
    context = Context(app.parts, None, "192.0.2.1")
    trying = asyncio.create_task(way.sign_in(context, email=ada.email, password=OTHER, device=None))
    await compares.wait()
    assert len(await sql(app, "SELECT FROM attempts")) == 1 and app.parts.signing_in == {"192.0.2.1": 1}
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    assert not await sql(app, "SELECT FROM attempts") and not app.parts.signing_in


async def test_nor_is_who_goes_before_the_answer_where_it_is_asked_again(
    app: App, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await sign_up(client, fresh())
    [session] = await sql(app, "SELECT id FROM sessions WHERE user_id = $1", uuid(ada))
    await sql(app, "DELETE FROM attempts")
    compares = asyncio.Event()

    async def never(*_: Any) -> bool:
        compares.set()
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(Passwords, "match", never)
    viewer = Viewer(uuid(ada), session["id"], now() + timedelta(hours=1))
    proving = asyncio.create_task(reauthentication.prove(Context(app.parts, viewer, "192.0.2.1"), OTHER, "password"))
    await compares.wait()
    assert len(await sql(app, "SELECT FROM attempts")) == 1
    proving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await proving
    assert not await sql(app, "SELECT FROM attempts")


async def test_an_address_is_found_by_its_index(app: App) -> None:
    async with app.parts.database.connection() as connection, connection.transaction():
        # Of a handful of rows no index would be used otherwise.
        await connection.rows("SELECT set_config('enable_seqscan', 'off', true)")
        plan = await connection.rows("EXPLAIN " + way._CANDIDATE, ["ada@example.org"])
    assert "users_by_email" in str(plan) and "Seq Scan" not in str(plan)


async def _hash(app: App, person: Client) -> str:
    [row] = await sql(app, "SELECT password_hash FROM users WHERE id = $1", uuid(person))
    return str(row["password_hash"])
