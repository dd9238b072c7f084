"""What happened to an account: kept as it was, told once it has held, and read by its owner alone."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from structlog.testing import capture_logs

from models import SecurityEventKind, SignIn, User
from models.columns import now
from models.security_event import RETENTION
from resolvers import security
from resolvers.context import Context
from server.app import App
from server.observe.metrics import Metrics
from tests.client import Client
from tests.people import somebody, uuid_of

KIND = SecurityEventKind
EVENTS = """
query Events($first: Int, $after: String) {
  viewer {
    securityEvents(first: $first, after: $after) {
      nodes { id kind at ipAddress userAgent }
      edges { cursor node { id } }
      pageInfo { hasNextPage hasPreviousPage endCursor }
      totalCount
    }
  }
}
"""
NODE = "query Node($id: ID!) { node(id: $id) { __typename ... on SecurityEvent { id kind } } }"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
NEWER = FIREFOX.replace("145.0", "146.0.1")
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def ada(town: tuple[App, Client]) -> Client:
    return await somebody(*town, "Ada")


@pytest_asyncio.fixture
async def rows(app: App) -> AsyncIterator[asyncpg.Connection]:
    """The database, to look at what is there."""
    connection = await asyncpg.connect(app.parts.database.url)
    yield connection
    await connection.close()


def id_of(who: Client) -> UUID:
    return UUID(uuid_of(who.user_id))


async def note(app: App, who: Client, *kinds: SecurityEventKind, **more: Any) -> None:
    """Each in a work of its own, and so at a moment of its own."""
    context = Context(app.parts, None, ip_address="192.0.2.7", user_agent=FIREFOX)
    for kind in kinds:
        async with context.work() as work:
            security.note(context, work, id_of(who), kind, **more)


async def events(who: Client, **given: Any) -> Any:
    return (await who.ask(EVENTS, **given)).it["securityEvents"]


async def test_they_are_read_newest_first_a_slice_at_a_time(app: App, ada: Client) -> None:
    kinds = [KIND.SIGNED_UP, KIND.SIGNED_IN, KIND.SIGN_IN_FAILED, KIND.PASSWORD_CHANGED, KIND.SIGNED_OUT]
    await note(app, ada, *kinds)
    whole = await events(ada)
    assert [each["kind"] for each in whole["nodes"]] == [str(kind) for kind in reversed(kinds)]
    assert whole["totalCount"] == 5 and not whole["pageInfo"]["hasNextPage"]
    assert {(each["ipAddress"], each["userAgent"]) for each in whole["nodes"]} == {("192.0.2.7", FIREFOX)}
    first = await events(ada, first=2)
    second = await events(ada, first=2, after=first["pageInfo"]["endCursor"])
    third = await events(ada, first=2, after=second["pageInfo"]["endCursor"])
    assert [each["id"] for page in (first, second, third) for each in page["nodes"]] == [
        each["id"] for each in whole["nodes"]
    ]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, third)] == [True, True, False]


async def test_what_happened_in_the_same_moment_is_neither_lost_nor_told_twice(app: App, ada: Client) -> None:
    context = Context(app.parts, None)
    async with context.work() as work:
        for _ in range(5):
            security.note(context, work, id_of(ada), KIND.SIGN_IN_FAILED)
    seen, after = [], None
    while page := (await events(ada, first=2, after=after))["edges"]:
        seen += [edge["node"]["id"] for edge in page]
        after = page[-1]["cursor"]
    assert len(seen) == len(set(seen)) == 5


async def test_they_are_their_users_alone(app: App, ada: Client, town: tuple[App, Client]) -> None:
    ben = await somebody(*town, "Ben")
    await note(app, ada, KIND.PASSWORD_CHANGED)
    await note(app, ben, KIND.SIGNED_OUT)
    [event] = (await events(ada))["nodes"]
    assert (await ada.ask(NODE, id=event["id"])).it == {
        "__typename": "SecurityEvent",
        "id": event["id"],
        "kind": "PASSWORD_CHANGED",
    }
    for other in (ben, town[1]):
        assert (await other.ask(NODE, id=event["id"])).it is None
    assert [each["kind"] for each in (await events(ben))["nodes"]] == ["SIGNED_OUT"]
    assert (await town[1].ask(EVENTS)).it is None


@pytest.mark.parametrize(("given", "code"), [({"first": 101}, "BAD_USER_INPUT"), ({"after": "x"}, "BAD_USER_INPUT")])
async def test_a_slice_has_its_limits(ada: Client, given: dict[str, Any], code: str) -> None:
    assert (await ada.ask(EVENTS, **given)).code == code


async def test_an_index_finds_them(app: App, ada: Client, rows: asyncpg.Connection) -> None:
    await rows.execute(
        "INSERT INTO security_events (id, user_id, kind, at, details)"
        " SELECT gen_random_uuid(), id, 'SIGNED_IN', now() - n * interval '1 s', '{}'"
        " FROM users, generate_series(1, 200) AS n"
    )
    await rows.execute("ANALYZE security_events")
    plan = await rows.fetch(
        "EXPLAIN SELECT * FROM security_events WHERE user_id = $1 AND (at, id) < (now(), $1)"
        " ORDER BY at DESC, id DESC LIMIT 20",
        id_of(ada),
    )
    told = "\n".join(line for [line] in plan)
    assert "Index Scan Backward using security_events_of_user" in told and "Sort" not in told


async def test_nobody_changes_or_removes_one(app: App, ada: Client, rows: asyncpg.Connection) -> None:
    await note(app, ada, KIND.SIGN_IN_FAILED)
    await put(rows, ada, RETENTION - timedelta(minutes=1))
    before = await kept(rows, ada)
    assert len(before) == 2
    for statement in (
        "UPDATE security_events SET kind = 'SIGNED_IN' WHERE user_id = $1",
        "UPDATE security_events SET at = at - interval '2 years' WHERE user_id = $1",
        "DELETE FROM security_events WHERE user_id = $1",
    ):
        with pytest.raises(asyncpg.RaiseError, match="security events are append-only"):
            await rows.execute(statement, id_of(ada))
    with pytest.raises(asyncpg.RaiseError, match="security events are append-only"):
        await rows.execute("TRUNCATE security_events")
    assert await kept(rows, ada) == before


async def test_they_go_when_their_time_is_over_and_with_their_user(
    app: App, ada: Client, rows: asyncpg.Connection
) -> None:
    await note(app, ada, KIND.SIGN_IN_FAILED)
    await put(rows, ada, RETENTION + timedelta(minutes=1))
    old = "DELETE FROM security_events WHERE user_id = $1 AND at < now() - $2::interval"
    assert await rows.execute(old, id_of(ada), RETENTION) == "DELETE 1"
    assert [row["kind"] for row in await kept(rows, ada)] == ["SIGN_IN_FAILED"]
    await rows.execute("DELETE FROM users WHERE id = $1", id_of(ada))
    assert await kept(rows, ada) == []


async def test_each_is_logged_and_counted_once_its_work_has_held(app: App, ada: Client) -> None:
    before = dict(app.parts.noted.counts)
    context = Context(app.parts, None, ip_address="192.0.2.7", user_agent=FIREFOX)
    with capture_logs() as lines:
        with suppress(RuntimeError):
            async with context.work() as work:
                security.note(context, work, id_of(ada), KIND.PASSWORD_CHANGED)
                raise RuntimeError
        async with context.work() as work:
            event = security.note(context, work, id_of(ada), KIND.SIGN_IN_FAILED, tried="a secret")
            with suppress(RuntimeError):
                async with work.session.begin_nested():
                    security.note(context, work, id_of(ada), KIND.RECOVERY_CODE_USED)
                    await work.session.flush()
                    raise RuntimeError
            assert lines == []
    [line] = lines
    assert line == {
        "event": "security_event",
        "log_level": "info",
        "kind": "SIGN_IN_FAILED",
        "user": str(id_of(ada)),
        "id": str(event.id),
    }
    after = app.parts.noted.counts
    assert {kind: after[kind] - before[kind] for kind in after if after[kind] != before[kind]} == {"SIGN_IN_FAILED": 1}
    assert [each["kind"] for each in (await events(ada))["nodes"]] == ["SIGN_IN_FAILED"]


async def test_metrics_have_every_kind_from_the_start(app: App, ada: Client) -> None:
    await note(app, ada, KIND.PASSKEY_CLONED)
    metrics = Metrics()
    App._count(app, metrics, _Still())  # type: ignore[arg-type]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(routes=[metrics.route()])), base_url="http://127.0.0.1"
    ) as visitor:
        told = (await visitor.get("/metrics")).text
    for kind in KIND:
        assert f'leporello_security_events_total{{kind="{kind}"}} ' in told
    cloned = app.parts.noted.counts[KIND.PASSKEY_CLONED]
    assert cloned > 0 and f'leporello_security_events_total{{kind="PASSKEY_CLONED"}} {float(cloned)}' in told


class _Still:
    """A loop that never lags."""

    def worst(self) -> float:
        return 0.0


async def sign_in(app: App, who: Client, agent: str, platform: str = "DESKTOP", ip: str = "192.0.2.7") -> None:
    context = Context(app.parts, None, ip_address=ip, user_agent=agent)
    async with context.work() as work:
        user = await work.session.get(User, id_of(who))
        assert user is not None
        ended = SignIn(
            token_hash=b"",
            user_id=user.id,
            proof="PASSWORD",
            due="TOTP",
            device_name="Ada's machine",
            device_platform=platform,
            expires_at=now(),
        )
        await security.signed_in(context, work, user, ended)


async def noticed(rows: asyncpg.Connection, who: Client) -> int:
    told: int = await rows.fetchval(
        "SELECT count(*) FROM jobs WHERE name = 'mail.notice' AND payload->>'to' = $1", who.email
    )
    return told


async def test_a_device_that_was_not_used_before_is_told_of(app: App, ada: Client, rows: asyncpg.Connection) -> None:
    told: list[int] = []
    for agent, platform in (
        (FIREFOX, "DESKTOP"),  # The first of all.
        (FIREFOX, "DESKTOP"),
        (NEWER, "DESKTOP"),  # The same program, some weeks later.
        (SAFARI, "APPLE"),
        (SAFARI, "APPLE"),
        (SAFARI, "DESKTOP"),
        (FIREFOX, "DESKTOP"),
    ):
        await sign_in(app, ada, agent, platform, ip=f"192.0.2.{len(told)}")
        told.append(await noticed(rows, ada))
    assert told == [0, 0, 0, 1, 1, 2, 2]
    assert [each["kind"] for each in (await events(ada))["nodes"]] == ["SIGNED_IN"] * 7
    [payload] = await rows.fetch(
        "SELECT payload->'facts'->>'device' AS device, payload->'facts'->>'ip_address' AS ip FROM jobs"
        " WHERE name = 'mail.notice' AND payload->>'to' = $1 ORDER BY id LIMIT 1",
        ada.email,
    )
    assert tuple(payload.values()) == ("Ada's machine", "192.0.2.3")


async def kept(rows: asyncpg.Connection, who: Client) -> list[Any]:
    found: list[Any] = await rows.fetch("SELECT * FROM security_events WHERE user_id = $1 ORDER BY at", id_of(who))
    return found


async def put(rows: asyncpg.Connection, who: Client, age: timedelta) -> None:
    await rows.execute(
        "INSERT INTO security_events (id, user_id, kind, at, details)"
        " VALUES (gen_random_uuid(), $1, 'SIGNED_OUT', now() - $2::interval, '{}')",
        id_of(who),
        age,
    )
