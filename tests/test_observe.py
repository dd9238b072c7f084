"""What is seen from outside: log lines, counts and traces, and what is never seen in them."""

import asyncio
import io
import logging
import random
import re
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from subprocess import run
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
import strawberry
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.types import Message, Scope

from models.refusal import Forbidden, Refusal
from server.doorway import Doorway
from server.graphql import Entrance, GraphQLEndpoint
from server.graphql.asked import Asked
from server.graphql.operating import Answer, Operating
from server.observe import lag, lines, logs, redaction, statements, tracing
from server.observe.lines import LINES_BYTES, Lines
from server.observe.metrics import BUCKETS, NAMES_LIMIT, Metrics
from server.observe.observer import Observer, line_of
from server.observe.operation import Kind, Operation
from storage.database import Database

SOMEONE = UUID("0190a5d2-7a3b-7c4d-8e5f-0123456789ab")
# What must never be read anywhere; each is looked for in everything that is written.
CANARY = "canary0"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkwIn0.c2lnbmF0dXJlY2FuYXJ5MA"
OPAQUE = "Zk3canary0vQ9xT1mB7nL5cR2wY8hJ4gD6fS0aEuio"


class Written:
    """What was logged, as it was written and as it can be read."""

    def __init__(self) -> None:
        self.file = io.BytesIO()

    @property
    def text(self) -> str:
        return self.file.getvalue().decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.file.getvalue().splitlines()]


@pytest.fixture
def written() -> Iterator[Written]:
    """Logging as in production, undone afterwards."""
    root = logging.getLogger()
    before = root.level
    out = Written()
    logs.configure(json=True, level="info", to=out.file)
    yield out
    for handler in [handler for handler in root.handlers if isinstance(handler, logs.Routed)]:
        root.removeHandler(handler)
    root.setLevel(before)
    logging.captureWarnings(False)
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()


def operation(
    name: str | None = "Books",
    kind: Kind = "query",
    code: str | None = None,
    seconds: float = 0.0123,
    user_id: UUID | None = SOMEONE,
) -> Operation:
    return Operation(name, kind, seconds, code, "a" * 32, user_id, "http")


# Log lines


def test_an_operation_is_one_line_that_says_how_it_went(written: Written) -> None:
    observe = Observer()
    observe(operation())
    observe(operation(kind="mutation", code="FORBIDDEN", user_id=None))
    observe(operation(code="INTERNAL"))
    first, second, third = written.lines
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "event": "operation",
        "name": "Books",
        "kind": "query",
        "ms": 12.3,
        "code": None,
        "request_id": "a" * 32,
        "user_id": str(SOMEONE),
        "transport": "http",
    }
    assert (second["level"], second["code"], second["user_id"]) == ("info", "FORBIDDEN", None)
    assert third["level"] == "error"


NAMES = (
    st.none()
    | st.text()
    | st.sampled_from(["Books", "Get_Books", JWT, OPAQUE, "password=canary0", "\ud800", "a b" * 2_000])
)


@settings(deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Operation,
        name=NAMES,
        kind=st.sampled_from(["query", "mutation", "subscription"]),
        seconds=st.floats(),
        code=(st.just("FORBIDDEN") | NAMES).filter(lambda code: code != "INTERNAL"),
        request_id=st.text("abc-_0123456789"),
        user_id=st.none() | st.uuids(),
        transport=st.sampled_from(["http", "websocket"]),
    )
)
def test_the_line_of_an_operation_is_to_the_byte_what_structlog_writes(written: Written, told: Operation) -> None:
    written.file.seek(0)
    written.file.truncate()
    Observer().tell(told)
    theirs, ours = written.file.getvalue(), line_of(told) + b"\n"
    moment = re.compile(rb',"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"}\n')
    assert moment.sub(b"", ours) == moment.sub(b"", theirs) != theirs


class Counting(io.BytesIO):
    """A file that says how often it was written to, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.written = threading.Event()

    def write(self, data: Any) -> int:
        self.writes += 1
        count = super().write(data)
        self.written.set()
        return count


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gathered lines wait for ever, but for what makes them come."""
    monkeypatch.setattr(lines, "LINES_SECONDS", None)


def test_gathered_lines_come_out_by_themselves() -> None:
    file = Counting()
    gathering = Lines(file)
    for line in (b"one", b"two"):
        file.written.clear()
        gathering.gather(line)
        assert file.written.wait(10)
    assert file.getvalue() == b"one\ntwo\n"
    gathering.close()


@pytest.mark.usefixtures("patient")
def test_whatever_is_told_at_once_takes_what_was_gathered_along_in_order() -> None:
    file = Counting()
    logs.configure(json=True, level="info", to=file)
    observe, log = Observer(), structlog.get_logger()
    for name in ("First", "Second"):
        observe(operation(name))
    assert file.writes == 0
    log.warning("third")
    assert file.writes == 1
    observe(operation("Fourth"))
    assert file.writes == 1
    observe(operation("Fifth", code="INTERNAL"))
    told = [orjson.loads(line) for line in file.getvalue().splitlines()]
    assert [line.get("name", line["event"]) for line in told] == ["First", "Second", "third", "Fourth", "Fifth"]
    assert file.writes == 2
    structlog.reset_defaults()


@pytest.mark.usefixtures("patient")
def test_what_is_gathered_is_bounded_and_written_when_it_is_closed() -> None:
    file = Counting()
    gathering = Lines(file)
    line = b"x" * 1_023
    for _ in range(LINES_BYTES // 1_024):
        gathering.gather(line)
    assert file.writes == 0
    gathering.gather(line)
    assert (file.writes, len(file.getvalue()) > LINES_BYTES) == (1, True)
    gathering.gather(b"last")
    assert file.writes == 1
    gathering.close()
    assert (file.writes, file.getvalue()[-5:]) == (2, b"last\n")
    gathering.gather(b"after it")
    assert (file.writes, file.getvalue()[-9:]) == (3, b"after it\n")
    assert gathering.thread is not None
    gathering.thread.join(10)
    assert not gathering.thread.is_alive()


@pytest.mark.usefixtures("patient")
def test_while_the_file_is_slow_who_gathers_goes_on_and_who_writes_keeps_the_order() -> None:
    held, release = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def write(self, data: Any) -> int:
            if not held.is_set():
                held.set()
                release.wait(60)
            return super().write(data)

    file = Slow()
    gathering = Lines(file)
    tellers = [threading.Thread(target=gathering.msg, args=(line,)) for line in (b"one", b"two")]
    tellers[0].start()
    assert held.wait(10)
    gathering.gather(b"between")
    tellers[1].start()
    tellers[1].join(0.1)
    assert file.getvalue() == b""
    release.set()
    for teller in tellers:
        teller.join(10)
    gathering.close()
    assert file.getvalue() == b"one\nbetween\ntwo\n"


def test_no_line_is_lost_doubled_or_out_of_order_whoever_tells_it() -> None:
    file = io.BytesIO()
    gathering = Lines(file)

    def tell(teller: int) -> None:
        for n in range(2_000):
            (gathering.msg if n % 7 == teller else gathering.gather)(b"%d %d" % (teller, n))

    tellers = [threading.Thread(target=tell, args=(teller,)) for teller in range(4)]
    for thread in tellers:
        thread.start()
    for thread in tellers:
        thread.join()
    gathering.close()
    told = [tuple(map(int, line.split())) for line in file.getvalue().splitlines()]
    for teller in range(4):
        assert [n for by, n in told if by == teller] == list(range(2_000))


@pytest.mark.parametrize("end", ["pass", "sys.exit(3)", "raise RuntimeError"])
def test_a_program_that_ends_has_written_every_line(end: str) -> None:
    program = f"""
import sys
from server.observe import lines, logs
from server.observe.observer import Observer
from server.observe.operation import Operation
lines.LINES_SECONDS = None
logs.configure(json=True, level="info")
Observer()(Operation("Last", "query", 0.1, None, "a", None, "http"))
{end}
"""
    ended = run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert orjson.loads(ended.stdout)["name"] == "Last"


@pytest.mark.parametrize(("json", "level", "count"), [(False, "info", 2), (True, "warning", 1), (True, "debug", 2)])
def test_operations_are_told_as_all_else_whatever_the_level_and_the_reader(json: bool, level: str, count: int) -> None:
    file = io.BytesIO()
    logs.configure(json=json, level=level, to=file)
    observe = Observer()
    observe(operation())
    observe(operation(code="INTERNAL"))
    assert file.getvalue().count(b"\n") == file.getvalue().count(b"Books") == count
    assert file.getvalue().startswith(b"{") is json
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "secret",
    [
        f"Authorization: Bearer {CANARY}",
        f"the header was Basic {CANARY}==",
        f'Cookie: session={CANARY}; theme="{CANARY}"',
        f"(b'cookie', b'refresh={CANARY}'), (b'authorization', b'Bearer {CANARY}')",
        f"{{'authorization': ['Bearer {CANARY}', '{CANARY}']}}",
        f'mutation {{ signIn(email: "x@example.org", password: "{CANARY} \\" {CANARY}") {{ id }} }}',
        f'signUp(password: """{CANARY}\n" {CANARY}""")',
        f"{{'input': {{'newPassword': '{CANARY}', 'title': 'A book'}}}}",
        f'{{\\"password\\": \\"{CANARY}\\"}}',
        f"password={CANARY}&next=1",
        f"https://s3.example/b/k?X-Amz-Credential={CANARY}%2F2026&X-Amz-Signature={CANARY}&x=1",
        f"https://s3.example/?next=https%3A%2F%2Fs3%2Fk%3FX-Amz-Signature%3D{CANARY}",
        f"<Error><SignatureProvided>{CANARY}</SignatureProvided></Error>",
        f"{{'policy': '{CANARY}', 'x-amz-signature': '{CANARY}'}}",
        f"my-very-long-hyphenated-refresh-token={CANARY}",
        f"postgresql+asyncpg://leporello:{CANARY}@db/leporello",
        f"duplicate: DETAIL:  Key (email, hash)=({CANARY}, {CANARY}) already exists.",
        f"Failing row contains (1, {CANARY}, null).",
        f"[SQL: INSERT INTO sessions VALUES ($1)]\n[parameters: ('{CANARY}', 1)]\n(Background on this error)",
        f"invalid input for query argument $1: '{CANARY}' (expected bytes)",
        f"1 validation error [type=missing, input_value={{'x': '{CANARY}'}}, input_type=dict]",
        f"invited {CANARY}@example.org and also {CANARY}%40mail.example.org",
        JWT,
        f"/invite/{OPAQUE}?x=1",
        f"#{OPAQUE}",
    ],
)
def test_a_secret_is_never_written_wherever_it_hides(written: Written, secret: str) -> None:
    log = structlog.get_logger()
    log.info(secret, at=f"before {secret} after", nested={"deep": [{"er": secret}]}, raw=secret.encode())
    try:
        raise RuntimeError(secret) from ValueError(f"because of {secret}")
    except RuntimeError:
        log.exception("unexpected")
        logging.getLogger("library").exception("It said %s", secret)
    assert len(written.lines) == 3
    for canary in (CANARY, JWT, OPAQUE, JWT.split(".")[1], "c2lnbmF0"):
        assert canary not in written.text
    assert written.text.count(redaction.HIDDEN) >= 8


@pytest.mark.parametrize("key", ["password", "access_token", "Authorization", "set-cookie", "email", "X-Amz-Signature"])
def test_what_is_logged_under_a_secret_name_is_hidden_whatever_it_is(written: Written, key: str) -> None:
    structlog.get_logger().info("told", **{key: CANARY}, all={key: [CANARY], "n": {key: {"x": CANARY}}})
    (line,) = written.lines
    assert line[key] == redaction.HIDDEN
    assert line["all"] == {key: redaction.HIDDEN, "n": {key: redaction.HIDDEN}}


def test_what_is_no_secret_stays_readable(written: Written) -> None:
    told = {
        "id": "el_0190a5d2-7a3b-7c4d-8e5f-0123456789ab",
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "path": "/books/the-very-long-title-of-a-picture-book-about-leporello",
        "sentence": "Someone else changed this element first. Tokens are counted: 12.",
        "tokens": 12,
        "german": "Ein Bücherregal für Übermut",
        "ok": True,
        "nothing": None,
        "ratio": 0.5,
    }
    structlog.get_logger().info("told", **told)
    (line,) = written.lines
    assert {key: line[key] for key in told} == told


def test_no_value_can_break_or_flood_a_line(written: Written) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("not even this")

    nested: list[Any] = []
    for _ in range(500):
        nested = [nested]
    structlog.get_logger().info(
        "told",
        odd=Odd(),
        lone="\ud800x",
        huge=10**5_000,
        long="a b " * 100_000,
        wide=range(10**9),
        deep=nested,
    )
    (line,) = written.lines
    assert line["odd"] == "Odd (RuntimeError when it was told)"
    assert line["lone"] == "?x"
    assert line["long"].endswith("… (400000 characters)")
    assert line["deep"] == [[[["list of 1"]]]]
    assert len(line["wide"]) == redaction.WIDTH_LIMIT
    assert len(written.text) < 4 * redaction.VALUE_LIMIT


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "token",
        "eyJa",
        "-",
        "a@",
        "a.",
        "://a",
        "\\",
        "password='",
        'token="""',
        "Key (",
        "%40",
        "[",
        "cookie=",
    ],
)
def test_no_text_makes_redaction_slow(piece: str) -> None:
    hostile = "! " + (piece * 20_000)[: redaction.TRACEBACK_LIMIT]
    began = time.process_time()
    redaction.text(hostile, redaction.TRACEBACK_LIMIT)
    assert time.process_time() - began < 0.25


def test_a_long_traceback_keeps_its_end(written: Written) -> None:
    try:
        raise RuntimeError("x y " * 50_000 + f"\npassword={CANARY}\nthe end")
    except RuntimeError:
        structlog.get_logger().exception("unexpected")
    (line,) = written.lines
    assert line["exception"].endswith("password=[redacted]\nthe end")
    assert len(line["exception"]) <= redaction.TRACEBACK_LIMIT + 2


def test_only_what_is_unexpected_has_a_traceback(written: Written) -> None:
    log = structlog.get_logger()
    for error in (Forbidden("Only its owner may delete a book."), KeyError("x")):
        try:
            raise error
        except (Refusal, KeyError):
            log.warning("failed", exc_info=True)
    refused, unexpected = written.lines
    assert refused["refused"] == "FORBIDDEN"
    assert "exception" not in refused
    assert "Traceback" in unexpected["exception"]


def test_what_libraries_log_is_ours_and_their_chatter_is_not(written: Written) -> None:
    logs.configure(json=True, level="debug", to=written.file)
    logging.getLogger("botocore.auth").debug("CanonicalRequest: %s", CANARY)
    logging.getLogger("aiobotocore.credentials").info("Found credentials %s", CANARY)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").info('127.0.0.1 - "GET /?token=%s"', CANARY)
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "127.0.0.1", CANARY)
    # Not through the root: pytest listens there too, and fails at this.
    logs.Routed().handle(logging.LogRecord("library", logging.WARNING, "", 0, "%d is not a number", (CANARY,), None))
    logging.getLogger("uvicorn.error").info("Application startup complete.")
    logging.getLogger("odd").log(35, "between two levels")
    assert [(line["level"], line["logger"], line["event"]) for line in written.lines] == [
        ("warning", "library", "%d is not a number"),
        ("info", "uvicorn.error", "Application startup complete."),
        ("warning", "odd", "between two levels"),
    ]
    assert CANARY not in written.text


def test_configuring_twice_writes_each_line_once(written: Written) -> None:
    logs.configure(json=True, level="warning", to=written.file)
    structlog.get_logger().info("too low")
    logging.getLogger("library").warning("once")
    assert [line["event"] for line in written.lines] == ["once"]


def test_lines_for_people_hold_no_secrets_and_no_control_characters(written: Written) -> None:
    logs.configure(json=False, level="debug", to=written.file)
    structlog.get_logger().info("one\x1b[31m\nforged", password=CANARY, url=f"/?token={CANARY}", odd="\x9b\x07")
    assert "one" in written.text
    assert CANARY not in written.text
    assert written.text.count("\n") == 1
    assert "\x1b[31m" not in written.text
    assert "\x07" not in written.text
    assert "\x9b" not in written.text


def test_a_line_that_cannot_be_written_breaks_nothing() -> None:
    file = io.BytesIO()
    logs.configure(json=True, level="info", to=file)
    file.close()
    Observer()(operation())
    structlog.get_logger().info("nobody hears this")
    structlog.reset_defaults()


# Counts


async def scrape(metrics: Metrics) -> str:
    transport = httpx.ASGITransport(Starlette(routes=[metrics.route()]))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


async def test_operations_are_counted_by_outcome_and_timed_by_kind() -> None:
    metrics = Metrics(names=["Books"])
    observe = Observer(metrics)
    for _ in range(3):
        observe(operation(user_id=None))
    observe(operation(name=None, kind="mutation", code="CONFLICT", seconds=0.3))
    observe(operation(name="Watch", kind="subscription", seconds=7_200))
    told = await scrape(metrics)
    assert 'leporello_operations_total{code="OK",kind="query",name="Books"} 3.0' in told
    assert 'leporello_operations_total{code="CONFLICT",kind="mutation",name="unnamed"} 1.0' in told
    assert 'leporello_operations_total{code="OK",kind="subscription",name="Watch"} 1.0' in told
    assert 'leporello_operation_seconds_bucket{kind="query",le="0.025"} 3.0' in told
    assert 'leporello_operation_seconds_bucket{kind="mutation",le="0.25"} 0.0' in told
    assert 'leporello_operation_seconds_count{kind="mutation"} 1.0' in told
    assert 'leporello_operation_seconds_count{kind="subscription"}' not in told


async def test_times_fall_into_the_buckets_that_prometheus_would_put_them_in() -> None:
    metrics, registry = Metrics(), CollectorRegistry()
    theirs = Histogram(
        "leporello_operation_seconds",
        "How long queries and mutations took.",
        ("kind",),
        buckets=BUCKETS,
        registry=registry,
    )
    chance = random.Random(3)
    for seconds in (*BUCKETS, 0.0, 11.0, *(chance.expovariate(3) for _ in range(500))):
        metrics.count(operation(seconds=seconds))
        theirs.labels("query").observe(seconds)
    told = await scrape(metrics)
    expected = [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]
    assert len(expected) == len(BUCKETS) + 5
    assert all(line in told.splitlines() for line in expected)


async def test_made_up_names_and_codes_cannot_grow_the_series() -> None:
    metrics = Metrics(names=["Books"])
    for n in range(1_000):
        metrics.count(operation(name=f"Stranger{n}", user_id=None))
        metrics.count(operation(name=f"Failed{n}", code="FORBIDDEN"))
        metrics.count(operation(name=f"not a name {n}"))
    told = await scrape(metrics)
    assert set(_labels(told, "name")) == {"other"}

    metrics = Metrics(names=["Books"])
    for n in range(1_000):
        metrics.count(operation(name=f"Known{n}", code=None))
        metrics.count(operation(name="Books", code=f"CODE_{n}"))
    told = await scrape(metrics)
    assert len(set(_labels(told, "name"))) == NAMES_LIMIT + 2
    assert len(set(_labels(told, "code"))) == 42


def _labels(told: str, label: str) -> list[str]:
    lines = [line for line in told.splitlines() if line.startswith("leporello_operations_total{")]
    return [line.split(f'{label}="')[1].split('"')[0] for line in lines]


async def test_parts_tell_their_own_numbers_and_one_that_cannot_hides_no_other() -> None:
    def away() -> float:
        raise ConnectionError

    def lost() -> dict[str, int]:
        raise ConnectionError

    metrics = Metrics()
    metrics.gauge("open_sockets", "Websockets that are open.", lambda: 12)
    metrics.gauge("away", "A part that is away.", away)
    metrics.counters("broadcast", lambda: {"published": 7, "bad_payloads": 1})
    metrics.counters("lost", lost)
    engine = create_async_engine("postgresql+asyncpg://localhost/nowhere", pool_size=3)
    metrics.pool(engine)
    told = await scrape(metrics)
    assert "leporello_open_sockets 12.0" in told
    assert "leporello_away NaN" in told
    assert "leporello_broadcast_published_total 7.0" in told
    assert "leporello_broadcast_bad_payloads_total 1.0" in told
    assert "leporello_sql_connections_used 0.0" in told
    assert "leporello_sql_connections_size 3.0" in told
    assert "process_resident_memory_bytes" in told
    await engine.dispose()


async def test_scrapes_share_an_answer_and_two_programs_share_nothing() -> None:
    reads: list[int] = []

    def read() -> int:
        reads.append(1)
        return len(reads)

    metrics = Metrics()
    metrics.gauge("reads", "How often it was read.", read)
    assert await scrape(metrics) == await scrape(metrics)
    assert len(reads) == 1
    assert "leporello_reads" not in await scrape(Metrics())


async def test_a_blocked_loop_is_told_with_its_place_while_it_lasts(written: Written) -> None:
    async with lag.Lag(blocked=0.5) as watched:
        await asyncio.sleep(lag.BEAT * 2)
        calm = watched.worst()
        _hold_the_loop(written)
        await asyncio.sleep(lag.BEAT * 2)
        assert watched.worst() > 0.5
        assert calm < 0.5
    during, after = written.lines
    assert (during["event"], after["event"]) == ("loop_is_blocked", "loop_was_blocked")
    assert "_hold_the_loop" in during["at"]
    assert after["seconds"] >= 0.2
    assert not [thread for thread in threading.enumerate() if thread.name == "lag"]


def _hold_the_loop(written: Written) -> None:
    """Until the thread has told of it, and long enough for it to tell again."""
    until = time.monotonic() + 5
    while not written.text and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(lag.BEAT * 3)


# Traces


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = tracing.configure(None, to=SimpleSpanProcessor(exporter))
    assert provider is not None
    yield exporter
    provider.shutdown()
    tracing.configure(None)


@pytest.fixture
async def database(stack: Any) -> AsyncIterator[Database]:
    async with Database(stack.database_url, pool_size=1) as made:
        statements.instrument(made.engine, made.connections)
        yield made


async def by_session(database: Database, sql: str, **given: Any) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(text(sql), given)


@strawberry.type
class Book:
    title: str


@strawberry.type
class Query:
    @strawberry.field
    def books(self, token: str = "") -> list[Book]:
        return [Book(title="A") for _ in range(20)]

    @strawberry.field
    async def read(self, info: strawberry.Info[Any, None]) -> str | None:
        await asyncio.gather(asyncio.sleep(0))
        await by_session(info.context.database, f"SELECT '{CANARY}', CAST(:given AS text)", given=CANARY)
        await info.context.database.fetch_value(f"SELECT '{CANARY}', $1::text", [CANARY])
        return None

    @strawberry.field
    async def broken(self, info: strawberry.Info[Any, None], lean: bool) -> str | None:
        if lean:
            await info.context.database.fetch_value("SELECT $1::text::int", [CANARY])
        await by_session(info.context.database, "SELECT CAST(:given AS text)::int", given=CANARY)
        return None

    @strawberry.field
    async def slow(self, info: strawberry.Info[Any, None], lean: bool) -> str | None:
        if lean:
            await info.context.database.fetch_value("SELECT pg_sleep(30)")
        await by_session(info.context.database, "SELECT pg_sleep(30)")
        return None

    @strawberry.field
    def forbidden(self) -> str | None:
        raise Forbidden(f"{CANARY} may not.")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: strawberry.Info[Any, None]) -> AsyncIterator[int]:
        for n in range(3):
            await info.context.database.fetch_value("SELECT 1")
            yield n

    @strawberry.subscription
    async def forbidden(self) -> AsyncIterator[int]:
        raise Forbidden(f"{CANARY} may not.")
        yield 0

    @strawberry.subscription
    async def silence(self, info: strawberry.Info[Any, None]) -> AsyncIterator[int]:
        await info.context.go_on.wait()
        await info.context.database.fetch_value("SELECT 1")
        yield 0


SCHEMA = strawberry.Schema(Query, subscription=Subscription)
PERSISTED = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
READ_ANEW = ["graphql.parse", "graphql.validate", "graphql.plan"]


@dataclass
class Asking:
    """An endpoint, asked over HTTP through the doorway, or as a websocket does."""

    database: Database | None = None
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.endpoint = GraphQLEndpoint(SCHEMA, enter=self._enter, observe=lambda _: None)
        self._app = Doorway(tracing.Traceparent(self.endpoint), public_url="http://localhost")

    async def _enter(self, entrance: Entrance) -> Any:
        return SimpleNamespace(database=self.database, caller=None, go_on=self.go_on)

    async def __call__(self, query: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
        # In one message, as a server hands it over: the direct way takes no other.
        messages: list[Message] = [{"type": "http.request", "body": orjson.dumps({"query": query, **more})}]
        sent: list[Message] = []

        async def receive() -> Message:
            return messages.pop() if messages else await asyncio.Future()

        async def send(message: Message) -> None:
            sent.append(message)

        given = {"host": "localhost", "content-type": "application/json", **(headers or {})}
        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        await self._app(scope, receive, send)
        return orjson.loads(sent[-1]["body"])

    def answers(self, query: str) -> AsyncGenerator[Answer, None]:
        entrance = Entrance(None, "a" * 32, None, None)
        return Operating(self.endpoint.means, Asked.of({"query": query}), entrance, "websocket").answers()


def names(exporter: InMemorySpanExporter) -> list[str]:
    return [span.name for span in exporter.get_finished_spans()]


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def is_below(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and span.parent == parent.get_span_context()


def everything(exporter: InMemorySpanExporter) -> str:
    return "".join(span.to_json() for span in exporter.get_finished_spans())


async def test_an_operation_is_traced_in_its_parts_and_not_in_its_fields(spans: InMemorySpanExporter) -> None:
    ask = Asking()
    asked = "query Books($token: String!) { books(token: $token) { title } }"
    assert "errors" not in await ask(asked, variables={"token": CANARY})
    told = named(spans)
    assert names(spans) == [*READ_ANEW, "graphql.execute", "graphql.operation"]
    root = told["graphql.operation"]
    assert root.attributes == {"graphql.operation.type": "query", "graphql.operation.name": "Books"}
    assert root.parent is None
    assert root.status.is_unset
    for name in (*READ_ANEW, "graphql.execute"):
        assert is_below(told[name], root)
    spans.clear()
    # By the direct way, and with nothing left to prepare.
    assert "errors" not in await ask(asked, variables={"token": CANARY})
    assert names(spans) == ["graphql.execute", "graphql.operation"]
    assert CANARY not in everything(spans)


async def test_what_a_client_calls_an_operation_is_cut_and_holds_no_token(spans: InMemorySpanExporter) -> None:
    ask = Asking()
    for name, told in (("N" * 200, "N" * tracing.NAME_LIMIT), (OPAQUE, redaction.HIDDEN)):
        await ask(f"query {name} {{ __typename }}")
        assert (named(spans)["graphql.operation"].attributes or {})["graphql.operation.name"] == told
    assert CANARY not in everything(spans)


async def test_a_refused_operation_tells_its_code_once_and_no_more(spans: InMemorySpanExporter) -> None:
    ask = Asking()
    two = f'query A {{ books(token: "{CANARY}") {{ title }} }} query B {{ __typename }}'
    assert "errors" not in await ask(two, operationName="A")
    for asked, more, code, parts in (
        ("{ forbidden }", {}, "FORBIDDEN", [*READ_ANEW, "graphql.execute"]),
        (f'{{ nothing(password: "{CANARY}") }}', {}, "BAD_USER_INPUT", READ_ANEW[:2]),
        (f"{{ {CANARY} ", {}, "BAD_USER_INPUT", READ_ANEW[:1]),
        # Of a document that is known: both ways look at it.
        (two, {"operationName": JWT}, "BAD_USER_INPUT", []),
        ("", {"documentId": CANARY}, "BAD_USER_INPUT", []),
        ("", {"extensions": PERSISTED}, "PERSISTED_QUERY_NOT_FOUND", []),
    ):
        spans.clear()
        assert "errors" in await ask(asked, **more)
        assert names(spans) == [*parts, "graphql.operation"]
        assert named(spans)["graphql.operation"].status.description == code
        assert CANARY not in everything(spans)
        assert JWT[:30] not in everything(spans)


async def test_a_subscription_is_traced_in_its_beginning(spans: InMemorySpanExporter, database: Database) -> None:
    stream = Asking(database).answers("subscription Count { count }")
    assert (await anext(stream)).text == b'{"data":{"count":0}}'
    told = named(spans)
    assert names(spans) == [*READ_ANEW, "sql", "graphql.execute", "graphql.operation"]
    assert told["graphql.operation"].attributes == {
        "graphql.operation.type": "subscription",
        "graphql.operation.name": "Count",
    }
    assert is_below(told["sql"], told["graphql.execute"])
    assert (await anext(stream)).text == b'{"data":{"count":1}}'
    # Closed by another task than began it, as when its socket goes.
    await asyncio.create_task(stream.aclose())
    assert len(spans.get_finished_spans()) == 6


async def test_a_subscription_that_is_refused_says_so(spans: InMemorySpanExporter) -> None:
    stream = Asking().answers("subscription { forbidden }")
    assert (await anext(stream)).code == "FORBIDDEN"
    await stream.aclose()
    assert named(spans)["graphql.operation"].status.description == "FORBIDDEN"
    assert CANARY not in everything(spans)


class Watching(SimpleSpanProcessor):
    """Wakes who waits for a span to begin or to end."""

    def __init__(self, exporter: InMemorySpanExporter, *, begun: str = "", ended: str = "") -> None:
        super().__init__(exporter)
        self._begun = begun
        self._ended = ended
        self.seen = asyncio.Event()

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        if span.name == self._begun:
            self.seen.set()

    def on_end(self, span: ReadableSpan) -> None:
        super().on_end(span)
        if span.name == self._ended:
            self.seen.set()


async def test_a_subscription_that_waits_has_begun(
    spans: InMemorySpanExporter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "BEGINNING_SECONDS", 0)
    watching = Watching(spans, ended="graphql.operation")
    tracing.configure(None, to=watching)
    ask = Asking(database)
    stream = ask.answers("subscription { silence }")
    first = asyncio.ensure_future(anext(stream))
    await asyncio.wait_for(watching.seen.wait(), 10)
    ended = [*READ_ANEW, "graphql.execute", "graphql.operation"]
    assert names(spans) == ended
    ask.go_on.set()
    assert (await first).text == b'{"data":{"silence":0}}'
    await stream.aclose()
    assert names(spans) == ended


async def test_sql_is_traced_without_what_it_was_given(spans: InMemorySpanExporter, database: Database) -> None:
    ask = Asking(database)
    assert await ask("{ read }") == {"data": {"read": None}, "extensions": {"cost": 0}}
    by_session, lean = [span for span in spans.get_finished_spans() if span.name == "sql"]
    assert by_session.attributes == {"db.system.name": "postgresql", "db.query.text": "SELECT ?, CAST($1 AS text)"}
    assert lean.attributes == {"db.system.name": "postgresql", "db.query.text": "SELECT ?, $1::text"}
    assert is_below(by_session, named(spans)["graphql.execute"])
    assert is_below(lean, named(spans)["graphql.execute"])
    for asked in ("{ broken(lean: false) }", "{ broken(lean: true) }"):
        spans.clear()
        assert "errors" in await ask(asked)
        assert named(spans)["sql"].status.is_ok is False
        assert CANARY not in everything(spans)


@pytest.mark.parametrize("lean", ["false", "true"])
async def test_an_operation_that_is_cancelled_ends_its_spans(
    spans: InMemorySpanExporter, database: Database, lean: str
) -> None:
    watching = Watching(spans, begun="sql")
    tracing.configure(None, to=watching)
    answering = asyncio.ensure_future(anext(Asking(database).answers(f"{{ slow(lean: {lean}) }}")))
    await asyncio.wait_for(watching.seen.wait(), 10)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert names(spans) == [*READ_ANEW, "sql", "graphql.execute", "graphql.operation"]
    for name in ("sql", "graphql.execute", "graphql.operation"):
        assert named(spans)[name].status.description == "CancelledError", name


async def test_sql_outside_of_an_operation_makes_no_spans(spans: InMemorySpanExporter, database: Database) -> None:
    # Over in this very context, as a websocket's are not.
    await anext(Asking(database).answers("{ __typename }"))
    spans.clear()
    await by_session(database, "SELECT 1")
    await database.fetch_value("SELECT 1")
    with pytest.raises(DBAPIError):
        await by_session(database, "SELECT nothing")
    assert spans.get_finished_spans() == ()


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("given", [TRACEPARENT, "nonsense", ""])
async def test_a_request_goes_on_with_the_trace_it_came_with(spans: InMemorySpanExporter, given: str) -> None:
    ask = Asking()
    answer = await ask("{ __typename }", {"traceparent": given, "tracestate": f"vendor={CANARY}"})
    assert answer["data"] == {"__typename": "Query"}
    await ask("{ __typename }")
    first, second = [span for span in spans.get_finished_spans() if span.name == "graphql.operation"]
    is_told = given.startswith("00-")
    assert (f'"trace_id": "0x{given[3:35]}"' in first.to_json()) is is_told
    assert (first.parent is not None) is is_told
    assert second.parent is None
    assert CANARY not in everything(spans)


@pytest.mark.parametrize(("sample", "count"), [(0.0, 0), (1.0, 1)])
async def test_a_stranger_cannot_decide_how_much_is_traced(sample: float, count: int) -> None:
    exporter = InMemorySpanExporter()
    provider = tracing.configure(None, sample=sample, to=SimpleSpanProcessor(exporter))
    assert provider is not None
    await Asking()("{ __typename }", {"traceparent": TRACEPARENT})
    provider.shutdown()
    tracing.configure(None)
    assert names(exporter).count("graphql.operation") == count
    assert bool(names(exporter)) is bool(count)


async def test_tracing_is_off_unless_it_has_somewhere_to_go() -> None:
    assert tracing.configure(None) is None
    assert tracing.begin("a" * 32) is None
    assert "errors" not in await Asking()("{ books { title } }")
    provider = tracing.configure("http://127.0.0.1:9", "leporello", 1.0)
    assert provider is not None
    assert provider.resource.attributes == {"service.name": "leporello"}
    provider.shutdown()
    tracing.configure(None)
