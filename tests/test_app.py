"""The program as it is put together: what its settings switch on and off, and what it says of its parts."""

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from server.observe import tracing
from server.settings import Settings
from tests.client import BOOK, CREATE_BOOK, Client, changed
from tests.running import free_port, served

BROWSER = {"accept": "text/html"}
TOLD = "subscription Told($id: ID!) { bookEvents(bookId: $id, after: 0) { seq } }"
INTROSPECTION = "{ __schema { queryType { name } } }"


async def test_figures_are_shown_when_they_are_asked_for(settings: Settings) -> None:
    async with served(settings.model_copy(update={"metrics": True})) as (_, url), httpx.AsyncClient() as http:
        ada = await Client(http, url).sign_up("Ada")
        assert (await ada.ask("query Mine { books { totalCount } }")).it == {"totalCount": 0}
        shown = (await http.get(f"{url}/metrics")).text
    assert 'leporello_operations_total{code="OK",kind="query",name="Mine"} 1.0' in shown
    for name in (
        "sockets",
        "followers",
        "books_followed",
        "journal_reads_total",
        "loop_lag_seconds",
        "sql_connections_used",
        "broadcast_published_total",
    ):
        assert f"leporello_{name} " in shown, name


async def test_without_being_asked_for_there_are_none(client: Client) -> None:
    assert (await client.http.get(f"{client.url}/metrics")).status_code == 404


async def test_in_development_there_is_an_explorer_and_the_schema_can_be_asked_for(client: Client) -> None:
    page = await client.http.get(f"{client.url}/", headers=BROWSER, follow_redirects=True)
    assert (page.status_code, "<title>Leporello</title>" in page.text) == (200, True)
    assert (await client.ask(INTROSPECTION)).it == {"queryType": {"name": "Query"}}


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_both_can_be_switched_off_and_are_off_in_production(settings: Settings, environment: str) -> None:
    off = {"introspection": False, "explorer": False} if environment == "development" else {}
    changed = settings.model_copy(update={"environment": environment, "public_url": "http://127.0.0.1", **off})
    async with served(changed) as (_, url), httpx.AsyncClient() as http:
        assert (await http.get(f"{url}/", headers=BROWSER)).status_code == 404
        assert (await http.get(f"{url}/graphql", headers=BROWSER)).status_code in (400, 406)
        asked = await Client(http, url).ask(INTROSPECTION)
        assert (asked.code, asked.data) == ("BAD_USER_INPUT", None)


async def test_it_is_ready_with_all_its_parts_and_says_which_is_away(client: Client, settings: Settings) -> None:
    ready = await client.http.get(f"{client.url}/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "away": []})
    nowhere = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}"})
    async with served(nowhere) as (_, url):
        away = await client.http.get(f"{url}/health/ready")
        assert (away.status_code, away.json()) == (503, {"ready": False, "away": ["redis"]})
        assert (await client.http.get(f"{url}/health/live")).status_code == 200


async def test_an_operation_leaves_spans_down_to_its_statements(settings: Settings) -> None:
    # A collector that nobody listens at: what is looked at are the spans, before they are sent.
    traced = settings.model_copy(update={"otel_exporter_otlp_endpoint": f"http://127.0.0.1:{free_port()}"})
    spans = InMemorySpanExporter()
    async with served(traced) as (_, url), httpx.AsyncClient() as http:
        ada = await Client(http, url).sign_up("Ada")
        tracing.configure(None, to=SimpleSpanProcessor(spans))
        assert (await ada.ask("query Mine { books { nodes { title } } }")).it == {"nodes": []}
        book = (await ada.ask(CREATE_BOOK, input={"title": "Secret"})).it["book"]
        assert (await ada.ask(BOOK, id=book["id"])).it["title"] == "Secret"
        seq = await changed(ada, book["id"], title="Secret 2")
        async with ada.follow(TOLD, id=book["id"]) as events:
            assert (await events.next())["seq"] == seq
    tracing.configure(None)
    kinds = {
        "Mine": "query",
        "CreateBook": "mutation",
        "Book": "query",
        "UpdateBook": "mutation",
        "Told": "subscription",
    }
    roots = [span for span in spans.get_finished_spans() if span.name == "graphql.operation"]
    assert [dict(root.attributes or {}) for root in roots] == [
        {"graphql.operation.type": kind, "graphql.operation.name": name} for name, kind in kinds.items()
    ]
    statements: list[list[ReadableSpan]] = []
    # What is told of a book is read for all who follow it, and is no part of anybody's operation.
    *others, told_root = roots
    assert [part.name for part in below(spans, told_root)] == ["graphql.parse", "graphql.validate", "graphql.plan"]
    for root in others:
        *read_anew, execute = below(spans, root)
        assert [part.name for part in read_anew] == ["graphql.parse", "graphql.validate", "graphql.plan"]
        assert execute.name == "graphql.execute"
        statements.append(below(spans, execute))
        assert {statement.name for statement in statements[-1]} == {"sql"}
    # A planned query is one statement.
    assert (len(statements[0]), len(statements[2])) == (1, 1)
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "SELECT" in told
    for secret in (str(ada.token), book["id"].removeprefix("bk_"), "Secret", ada.email):
        assert secret not in told


def below(spans: InMemorySpanExporter, parent: ReadableSpan) -> list[ReadableSpan]:
    """What is directly below it, in the order in which it ended."""
    return [span for span in spans.get_finished_spans() if span.parent == parent.get_span_context()]
