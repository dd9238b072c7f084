"""What is seen from outside: log lines, counts and traces, and what is never seen in them."""

import asyncio
import io
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
import strawberry
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.schema.exceptions import CannotGetOperationTypeError

from models.refusal import Forbidden, Refusal
from server.observe import lag, logs, redaction, statements, tracing
from server.observe.metrics import NAMES_LIMIT, Metrics
from server.observe.observer import Observer
from server.observe.operation import Kind, Operation

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
async def engine(stack: Any) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(stack.database_url.replace("postgresql://", "postgresql+asyncpg://"))
    statements.instrument(made)
    yield made
    await made.dispose()


@strawberry.type
class Book:
    title: str


@strawberry.type
class Query:
    @strawberry.field
    async def books(self, info: strawberry.Info[Any, None], token: str = "") -> list[Book]:
        if info.context.get("engine"):
            async with info.context["engine"].connect() as connection:
                await asyncio.gather(asyncio.sleep(0))
                await connection.execute(text(f"SELECT '{CANARY}', CAST(:given AS text)"), {"given": CANARY})
        return [Book(title="A") for _ in range(20)]

    @strawberry.field
    async def broken(self, info: strawberry.Info[Any, None]) -> str | None:
        async with info.context["engine"].connect() as connection:
            await connection.execute(text("SELECT CAST(:given AS text)::int"), {"given": CANARY})
        return None

    @strawberry.field
    def forbidden(self) -> str | None:
        raise Forbidden(f"{CANARY} may not.")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self) -> AsyncIterator[int]:
        for n in range(3):
            yield n


SCHEMA = strawberry.Schema(Query, subscription=Subscription, extensions=[tracing.Tracing])


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def is_below(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and span.parent == parent.get_span_context()


def everything(exporter: InMemorySpanExporter) -> str:
    return "".join(span.to_json() for span in exporter.get_finished_spans())


async def test_an_operation_is_traced_in_its_parts_and_not_in_its_fields(spans: InMemorySpanExporter) -> None:
    asked = "query Books($token: String!) { books(token: $token) { title } }"
    result = await SCHEMA.execute(asked, {"token": CANARY}, context_value={})
    assert result.errors is None
    told = named(spans)
    assert [span.name for span in spans.get_finished_spans()] == [
        "graphql.parse",
        "graphql.validate",
        "graphql.execute",
        "graphql.operation",
    ]
    root = told["graphql.operation"]
    assert root.attributes == {"graphql.operation.type": "query", "graphql.operation.name": "Books"}
    assert root.parent is None
    for name in ("graphql.parse", "graphql.validate", "graphql.execute"):
        assert is_below(told[name], root)
    assert CANARY not in everything(spans)


async def test_a_refused_operation_tells_its_code_and_no_more(spans: InMemorySpanExporter) -> None:
    await SCHEMA.execute("{ forbidden }")
    assert named(spans)["graphql.operation"].status.description == "FORBIDDEN"
    spans.clear()
    await SCHEMA.execute(f'{{ nothing(password: "{CANARY}") }}')
    assert named(spans)["graphql.operation"].status.description == "GraphQLError"
    spans.clear()
    await SCHEMA.execute(f"{{ {CANARY} ")
    assert [span.name for span in spans.get_finished_spans()] == ["graphql.parse", "graphql.operation"]
    spans.clear()
    with pytest.raises(CannotGetOperationTypeError):
        await SCHEMA.execute(f'query A {{ books(token: "{CANARY}") {{ title }} }}', operation_name=JWT)
    assert named(spans)["graphql.operation"].status.description == "CannotGetOperationTypeError"
    assert CANARY not in everything(spans)
    assert JWT[:30] not in everything(spans)


async def test_a_subscription_is_traced_in_its_beginning(spans: InMemorySpanExporter) -> None:
    stream = await SCHEMA.subscribe("subscription Count { count }")
    assert hasattr(stream, "__anext__")
    first = await stream.__anext__()
    assert first.data == {"count": 0}
    assert named(spans)["graphql.operation"].attributes == {
        "graphql.operation.type": "subscription",
        "graphql.operation.name": "Count",
    }
    # Closed by another task than began it, as when its socket goes.
    await asyncio.create_task(stream.aclose())
    assert len(spans.get_finished_spans()) == 4


async def test_sql_is_traced_without_what_it_was_given(spans: InMemorySpanExporter, engine: AsyncEngine) -> None:
    result = await SCHEMA.execute("{ books { title } }", context_value={"engine": engine})
    assert result.errors is None
    told = named(spans)
    assert told["sql"].attributes == {
        "db.system.name": "postgresql",
        "db.query.text": "SELECT ?, CAST($1 AS text)",
    }
    assert is_below(told["sql"], told["graphql.execute"])
    spans.clear()
    await SCHEMA.execute("{ broken }", context_value={"engine": engine})
    assert named(spans)["sql"].status.is_ok is False
    assert CANARY not in everything(spans)


async def test_a_cancelled_statement_ends_its_span(spans: InMemorySpanExporter, engine: AsyncEngine) -> None:
    async def wait() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))

    class Slow(tracing.Tracing):
        async def on_execute(self) -> AsyncIterator[None]:  # type: ignore[override]
            for _ in super().on_execute():
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(wait(), 0.2)
                yield

    schema = strawberry.Schema(Query, extensions=[Slow])
    await schema.execute("{ books { title } }", context_value={})
    assert named(spans)["sql"].status.is_ok is False


async def test_sql_outside_of_an_operation_makes_no_spans(spans: InMemorySpanExporter, engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(DBAPIError):
            await connection.execute(text("SELECT nothing"))
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("given", ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "nonsense", ""])
async def test_a_request_goes_on_with_the_trace_it_came_with(spans: InMemorySpanExporter, given: str) -> None:
    app = tracing.Traceparent(GraphQL(SCHEMA))
    transport = httpx.ASGITransport(app)
    headers = {"traceparent": given, "tracestate": f"vendor={CANARY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/", json={"query": "{ __typename }"}, headers=headers)
        assert answer.json() == {"data": {"__typename": "Query"}}
        await client.post("/", json={"query": "{ __typename }"})
    first, second = [span for span in spans.get_finished_spans() if span.name == "graphql.operation"]
    is_told = given.startswith("00-")
    assert (f'"trace_id": "0x{given[3:35]}"' in first.to_json()) is is_told
    assert (first.parent is not None) is is_told
    assert second.parent is None
    assert CANARY not in everything(spans)


async def test_a_stranger_cannot_decide_how_much_is_traced() -> None:
    exporter = InMemorySpanExporter()
    provider = tracing.configure(None, sample=0.0, to=SimpleSpanProcessor(exporter))
    assert provider is not None
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    transport = httpx.ASGITransport(tracing.Traceparent(GraphQL(SCHEMA)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        await client.post("/", json={"query": "{ __typename }"})
    provider.shutdown()
    tracing.configure(None)
    assert exporter.get_finished_spans() == ()


async def test_tracing_is_off_unless_it_has_somewhere_to_go() -> None:
    assert tracing.configure(None) is None
    result = await SCHEMA.execute("{ books { title } }", context_value={})
    assert result.errors is None
    provider = tracing.configure("http://127.0.0.1:9", "leporello", 1.0)
    assert provider is not None
    assert provider.resource.attributes == {"service.name": "leporello"}
    provider.shutdown()
    tracing.configure(None)
