"""GraphQL over HTTP: what is answered, what is refused, and in which words."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import GraphQLError, parse
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from structlog.testing import capture_logs

from server.graphql import Limits
from server.graphql.asked import Malformed
from server.graphql.errors import tell
from server.graphql.negotiation import GRAPHQL, JSON, negotiate
from server.graphql.reading import read
from tests.client import answered
from tests.node import INSTALL_LIMIT, node
from tests.served import Served, serve, token

NPM = Path(__file__).parent / "npm"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as served:
        yield served


@pytest.mark.timeout(INSTALL_LIMIT + 90)
async def test_all_61_audits_of_graphql_over_http_pass(served: Served) -> None:
    audits = json.loads(await node(NPM, "audit.mjs", served.url))
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len(audits) == 61


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        # urql's and Apollo's, which list event streams for subscriptions.
        (f"{GRAPHQL}, {JSON}, text/event-stream, multipart/mixed", GRAPHQL),
        ("text/event-stream, */*", JSON),
        ("text/event-stream", None),
        ("text/html", None),
        (f"{JSON};q=0", None),
        (f"{JSON};q=nonsense", None),
    ],
)
def test_the_media_type_is_negotiated(accept: str | None, media: str | None) -> None:
    assert negotiate(accept) == media


async def test_an_event_stream_is_not_offered(served: Served) -> None:
    body = {"query": "{ hello }"}
    alone = await served.http.post("/graphql", json=body, headers={"accept": "text/event-stream"})
    assert (alone.status_code, alone.json()["errors"][0]["extensions"]) == (406, {"code": "BAD_USER_INPUT"})
    listed = await served.http.post("/graphql", json=body, headers={"accept": "text/event-stream, */*"})
    assert (listed.status_code, listed.json()) == (200, answered({"hello": "Hello, world!"}))
    assert listed.headers["content-type"] == "application/json; charset=utf-8"


def nested(levels: int) -> bytes:
    return b'{"query": "{ hello }", "variables": ' + b'{"a":' * levels + b"1" + b"}" * levels + b"}"


MALFORMED: dict[str, tuple[bytes, dict[str, str], int]] = {
    "nothing": (b"", {}, 400),
    "no JSON": (b'{ "query', {}, 400),
    "a number": (b"1", {}, 400),
    "null": (b"null", {}, 400),
    "a string": (b'"{ hello }"', {}, 400),
    "a batch": (b'[{"query": "{ hello }"}, {"query": "{ hello }"}]', {}, 400),
    "a batch of 1,000": (b"[" + b'{"query": "{ hello }"},' * 999 + b'{"query": "{ hello }"}]', {}, 400),
    "no query": (b"{}", {}, 400),
    "query: null": (b'{"query": null}', {}, 400),
    "query: a number": (b'{"query": 1}', {}, 400),
    "operationName: a number": (b'{"query": "{ hello }", "operationName": 1}', {}, 400),
    "variables: a list": (b'{"query": "{ hello }", "variables": [1]}', {}, 400),
    "variables: a string": (b'{"query": "{ hello }", "variables": "{}"}', {}, 400),
    "extensions: a string": (b'{"query": "{ hello }", "extensions": "{}"}', {}, 400),
    "NaN": (b'{"query": "{ hello }", "variables": {"a": NaN}}', {}, 400),
    "NUL in a variable": (b'{"query": "{ hello }", "variables": {"a": ["\\u0000"]}}', {}, 400),
    "NUL in a key": (b'{"query": "{ hello }", "variables": {"a": {"\\u0000": 1}}}', {}, 400),
    "the text of a NUL": (b'{"query": "{ hello }", "variables": {"a": "\\\\u0000"}}', {}, 200),
    "a NUL after a backslash": (b'{"query": "{ hello }", "variables": {"a": "\\\\\\u0000"}}', {}, 400),
    "a raw NUL": (b'{"query": "{ hello }\0"}', {}, 400),
    "a lone surrogate": (b'{"query": "{ hello }", "variables": {"a": "\\ud800"}}', {}, 400),
    "a raw surrogate": (b'{"query": "{ hello }", "variables": {"a": "\xed\xa0\x80"}}', {}, 400),
    "not UTF-8": (b'{"query": "{ hello } # \xff"}', {}, 400),
    "32 levels": (nested(32), {}, 200),
    "33 levels": (nested(33), {}, 400),
    "100,000 levels": (nested(100_000), {}, 400),
    "100,000 lists": (b"[" * 100_000, {}, 400),
    "UTF-7": (b'{"query": "{ hello }"}', {"content-type": "application/json; charset=utf-7"}, 415),
    "UTF-16": (
        '{"query": "{ hello }"}'.encode("utf-16"),
        {"content-type": "application/json; charset=utf-16"},
        415,
    ),
    "UTF-16 unsaid": ('{"query": "{ hello }"}'.encode("utf-16"), {}, 400),
    "no type": (b'{"query": "{ hello }"}', {"content-type": ""}, 415),
    "plain text": (b'{"query": "{ hello }"}', {"content-type": "text/plain"}, 415),
    "a type like JSON": (b'{"query": "{ hello }"}', {"content-type": "text/plain, application/json"}, 415),
    "a form": (b"query={hello}", {"content-type": "application/x-www-form-urlencoded"}, 415),
    "gzip": (gzip.compress(b" " * 10_000_000), {"content-encoding": "gzip"}, 415),
    "deflate twice": (b"", {"content-encoding": "deflate, deflate"}, 415),
    "too large": (b'{"query": "{ hello }", "variables": {"a": "' + b"x" * 10_000_000 + b'"}}', {}, 413),
    "a megabyte and a byte": (b" " * (1024 * 1024 + 1), {}, 413),
    "a megabyte of objects": (b'{"query": "{ hello }", "variables": {"a": [' + b"{}," * 340_000 + b"{}]}}", {}, 400),
    "a megabyte of numbers": (b'{"query": "{ hello }", "variables": {"a": [' + b"1," * 500_000 + b"1]}}", {}, 400),
    "a megabyte of lists": (b'{"query": "{ hello }", "variables": {"a": [' + b"[]," * 340_000 + b"[]]}}", {}, 400),
}  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "status"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_request_is_refused_in_json(
    served: Served, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await served.http.post("/graphql", content=body, headers={"content-type": "application/json", **headers})
    assert answer.status_code == status
    if status != 200:
        (error,) = answer.json()["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert served.story.entrances == []
    assert (await served.ask("{ hello }"))["data"] == {"hello": "Hello, world!"}


async def test_a_multipart_request_is_refused_and_changes_nothing(served: Served) -> None:
    operations = json.dumps({"query": 'mutation { note(text: "x") }'})
    answer = await served.http.post("/graphql", data={"operations": operations, "map": "{}"}, files={"0": b"x"})
    assert answer.status_code == 415
    form = {f"field{number}": "x" for number in range(100_000)}
    assert (await served.http.post("/graphql", data=form)).status_code == 415
    assert served.story.notes == []


async def test_a_body_is_counted_as_it_comes_whatever_its_length_was_said_to_be() -> None:
    async with serve(Limits(body_bytes=1_000)) as served:

        async def chunks(number: int) -> AsyncIterator[bytes]:
            yield b'{"query": "{ hello }"'
            for _ in range(number):
                yield b" " * 100
            yield b"}"

        headers = {"content-type": "application/json"}
        small = await served.http.post("/graphql", content=chunks(9), headers=headers)
        assert (small.status_code, small.json()) == (200, answered({"hello": "Hello, world!"}))
        large = await served.http.post("/graphql", content=chunks(10), headers=headers)
        assert (large.status_code, large.json()["errors"][0]["message"]) == (
            413,
            "A body has at most 1000 bytes.",
        )


async def test_a_body_that_is_too_large_is_not_kept() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(64 * 1024), "more_body": True}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="at most 1048576 bytes"):
            await read(Request(scope, receive), Limits())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async with serve(Limits(body_seconds=0.1)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: 100\r\n\r\n{")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()


async def test_a_mutation_by_get_changes_nothing(served: Served) -> None:
    text = 'mutation { note(text: "x") }'
    refused = await served.http.get("/graphql", params={"query": text})
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert refused.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    hidden = {"query": "query A { hello } " + text.replace("mutation", "mutation B"), "operationName": "B"}
    assert (await served.http.get("/graphql", params=hidden)).status_code == 405
    assert served.story.notes == []
    assert await served.ask(text) == answered({"note": 1})


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_other_methods_are_refused(served: Served, method: str) -> None:
    answer = await served.http.request(method, "/graphql")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_a_query_by_get_takes_variables_in_json(served: Served) -> None:
    query = "query ($name: String!) { hello(name: $name) }"
    answer = await served.http.get("/graphql", params={"query": query, "variables": '{"name": "you"}'})
    assert answer.json() == answered({"hello": "Hello, you!"})
    broken = await served.http.get("/graphql", params={"query": query, "variables": "{"})
    assert (broken.status_code, broken.json()["errors"][0]["message"]) == (
        400,
        "Send valid JSON, in UTF-8.",
    )


async def test_a_subscription_needs_a_websocket(served: Served) -> None:
    answer = await served.http.post("/graphql", json={"query": "subscription { count(to: 1) }"})
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, "Subscribe over a websocket.")


async def test_the_operation_to_execute_is_never_guessed(served: Served) -> None:
    text = "query A { hello } query B { node { number } }"

    async def ask(name: str | None, query: str = text) -> Any:
        return (await served.http.post("/graphql", json={"query": query, "operationName": name})).json()

    assert await ask("B") == answered({"node": {"number": 0}})
    messages = [(await ask(name))["errors"][0]["message"] for name in (None, "", "C")]
    unsaid = "Say in `operationName` which of the operations to execute."
    assert messages == [unsaid, unsaid, "There is no operation 'C' in this document."]
    none = await ask(None, "fragment F on Query { hello }")
    assert "data" not in none


async def test_the_explorer_is_for_browsers() -> None:
    def explorer(request: Request) -> Response:
        return HTMLResponse("<p>Explore.")

    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with serve(explorer=explorer) as served:
        assert (await served.http.get("/graphql", headers=browser)).text == "<p>Explore."
        asked = await served.http.get("/graphql", params={"query": "{ hello }"}, headers=browser)
        assert asked.json() == answered({"hello": "Hello, world!"})
        assert (await served.http.get("/graphql")).status_code == 400
    async with serve() as served:
        assert (await served.http.get("/graphql", headers=browser)).status_code == 400


@pytest.mark.parametrize(
    ("how", "message", "extensions"),
    [
        ("forbidden", "You may not do that.", {"code": "FORBIDDEN"}),
        ("missing", "There is no such thing, or you may not see it.", {"code": "NOT_FOUND"}),
        ("conflict", "Someone was faster.", {"code": "BAD_USER_INPUT"}),
        ("limited", "Slow down.", {"code": "RATE_LIMITED", "retryAfter": 2.5}),
        ("input", "That makes no sense.", {"code": "BAD_USER_INPUT"}),
    ],
)
async def test_a_refusal_is_told_in_its_own_words_and_not_logged(
    served: Served, how: str, message: str, extensions: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as records:
        answer = await served.ask("query ($how: String!) { hello fail(how: $how) }", how=how)
    (error,) = answer["errors"]
    assert (error["message"], error["path"], error["extensions"]) == (message, ["fail"], extensions)
    assert answer == {"errors": [error], **answered({"hello": "Hello, world!", "fail": None})}
    # Nor by Strawberry, whose log would hold an excerpt of the document.
    assert records == [] and caplog.records == []


async def test_a_mistake_of_ours_is_masked_and_logged_once(served: Served) -> None:
    with capture_logs() as records:
        answer = await served.ask("{ nodes(first: 3) { broken } requestId }")
    told = {(error["message"], error["extensions"]["code"]) for error in answer["errors"]}
    assert told == {("Something went wrong on our side.", "INTERNAL")}
    assert {error["extensions"]["requestId"] for error in answer["errors"]} == {answer["data"]["requestId"]}
    assert [error["path"] for error in answer["errors"]] == [["nodes", each, "broken"] for each in range(3)]
    assert "1234" not in json.dumps(answer)
    (record,) = records
    assert (record["log_level"], record["request_id"], record["times"]) == (
        "error",
        answer["data"]["requestId"],
        3,
    )
    assert (str(record["exc_info"]), record["exc_info"].__traceback__ is not None) == (
        "the secret is 1234",
        True,
    )


@pytest.mark.parametrize("how", ["os", "database", "pool"])
async def test_a_part_that_is_away_is_not_our_mistake(served: Served, how: str) -> None:
    with capture_logs() as records:
        answer = await served.ask("query ($how: String!) { fail(how: $how) }", how=how)
    (error,) = answer["errors"]
    assert (error["message"], error["extensions"]) == (
        "A part of the service is away. Try again in a moment.",
        {"code": "UNAVAILABLE"},
    )
    assert [record["log_level"] for record in records] == ["warning"]


@pytest.mark.parametrize("query", ["{ badEnum }", "{ unspeakable }"])
async def test_what_cannot_be_serialised_is_our_mistake(served: Served, query: str) -> None:
    with capture_logs() as records:
        answer = await served.ask(query)
    assert [error["message"] for error in answer["errors"]] == ["Something went wrong on our side."]
    assert [record["log_level"] for record in records] == ["error"]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ hello(", {}),
        ("{ nothing }", {}),
        ("query ($n: Int!) { nodes(first: $n) { number } }", {}),
        ("query ($n: Int!) { nodes(first: $n) { number } }", {"n": None}),
        ("query ($n: Int!) { nodes(first: $n) { number } }", {"n": "1"}),
        ("query ($n: Int!) { nodes(first: $n) { number } }", {"n": 2**31}),
        ("query ($n: Int!) { nodes(first: $n) { number } }", {"n": 10**30}),
        ("{ nodes(first: 2147483648) { number } }", {}),
        ("{ colour(shape: {colour: GREEN}) }", {}),
        ("query ($s: Shape!) { colour(shape: $s) }", {"s": {"colour": "GREEN"}}),
        ("query ($s: Shape!) { colour(shape: $s) }", {"s": {"colour": "RED", "height": 1}}),
        ("query ($w: Int) { colour(shape: {colour: RED, width: $w}) }", {"w": "x"}),
        ("query ($w: Int = 1) { colour(shape: {colour: RED, width: $w}) }", {"w": None}),
        ("query ($at: DateTime!) { day(at: $at) }", {"at": "yesterday"}),
        ('{ day(at: "yesterday") }', {}),
        ('query ($id: UUID) { day(at: "2026-01-01T00:00:00Z", id: $id) }', {"id": "x"}),
        ("query ($c: Choice!) { choose(choice: $c) }", {"c": {"a": 1, "b": "x"}}),
        ("query ($c: Choice!) { choose(choice: $c) }", {"c": {}}),
        ("query ($c: Choice!) { choose(choice: $c) }", {"c": {"a": None}}),
        ("{ choose(choice: {a: 1, b: \"x\"}) }", {}),
        ("query ($x: Nothing) { hello }", {"x": 1}),
        ("query ($x: Node) { hello }", {"x": 1}),
    ],
)  # fmt: skip
async def test_a_mistake_of_the_client_is_theirs(served: Served, query: str, variables: dict[str, Any]) -> None:
    with capture_logs() as records:
        answer = await served.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers={"accept": GRAPHQL}
        )
    codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
    assert codes == {"BAD_USER_INPUT"}
    assert answer.status_code in (200, 400) and ("data" in answer.json()) == (answer.status_code == 200)
    assert records == []


def test_a_value_that_our_own_code_could_not_read_is_the_clients_mistake() -> None:
    """A scalar's parser raises; the error names where in the document, and has no path in the answer."""
    document = parse("{ hello }")
    error = GraphQLError("No date.", document, original_error=ValueError("No date."))
    (told,) = tell([error], "id")
    assert (told["message"], told["extensions"]) == ("No date.", {"code": "BAD_USER_INPUT"})


async def test_the_text_of_a_mistake_does_not_tell_a_hidden_schema() -> None:
    async with serve(introspection=False) as served:
        for query, variables in (
            ("{ helo }", {}),
            ("{ hello(nam: 1) }", {}),
            ("query ($s: Shap) { hello }", {"s": 1}),
            ("query ($s: Shape!) { colour(shape: $s) }", {"s": {"colour": "RAD"}}),
            ("query ($s: Shape!) { colour(shape: $s) }", {"s": {"colour": "RED", "widht": 1}}),
            ("{ colour(shape: {colour: RAD}) }", {}),
        ):
            answer = await served.http.post("/graphql", json={"query": query, "variables": variables})
            assert answer.json()["errors"] and "Did you mean" not in answer.text, query


async def test_a_request_that_cannot_be_let_in_is_answered(served: Served) -> None:
    served.door.closed = True
    answer = await served.http.post("/graphql", json={"query": "{ hello }"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]) == (503, {"code": "UNAVAILABLE"})


async def test_a_bad_token_is_refused_by_the_fields_that_need_one(served: Served) -> None:
    user = uuid4()
    good = await served.ask("{ hello me }", headers={"authorization": f"Bearer {token(user)}"})
    assert good == answered({"hello": "Hello, world!", "me": str(user)})
    for header, message in (
        ("Bearer nonsense", "That token is not valid."),
        (f"bearer {token(seconds=-1)}", "That token has expired."),
        ("Basic Zm9v", "Sign in first."),
        ("", "Sign in first."),
    ):
        bad = await served.ask("{ hello }", headers={"authorization": header})
        assert bad == answered({"hello": "Hello, world!"})
        refused = await served.ask("{ me }", headers={"authorization": header})
        (error,) = refused["errors"]
        assert (error["message"], error["extensions"]) == (message, {"code": "UNAUTHENTICATED"})


async def test_a_context_knows_where_the_request_came_from(served: Served) -> None:
    await served.ask("{ hello }", headers={"user-agent": "Tests/1", "authorization": "Bearer abc"})
    (entrance,) = served.story.entrances
    assert (entrance.token, entrance.ip_address, entrance.user_agent, entrance.socket) == (
        "abc",
        "127.0.0.1",
        "Tests/1",
        None,
    )


async def test_each_operation_is_observed_once(served: Served) -> None:
    user = uuid4()
    await served.ask("query Name { hello }", headers={"authorization": f"Bearer {token(user)}"})
    await served.ask('mutation { note(text: "x") }')
    await served.ask('query { hello a: fail(how: "forbidden") b: fail(how: "bug") }')
    seen = [(o.name, o.kind, o.code, o.user_id, o.transport) for o in served.story.operations]
    assert seen == [
        ("Name", "query", None, user, "http"),
        (None, "mutation", None, None, "http"),
        (None, "query", "FORBIDDEN", None, "http"),
    ]
    assert [o.request_id for o in served.story.operations] == [e.request_id for e in served.story.entrances]
    assert all(0 < o.seconds < 5 for o in served.story.operations)


async def test_a_query_is_cancelled_when_its_client_leaves(served: Served) -> None:
    await leave(served, "{ slow }")
    assert await asyncio.wait_for(served.story.ends.get(), 5) == "cancelled"
    assert [(o.kind, o.code) for o in served.story.operations] == [("query", None)] * 2


async def test_a_mutation_goes_on_when_its_client_leaves(served: Served) -> None:
    await leave(served, "mutation { slow }")
    served.story.go_on.set()
    assert await asyncio.wait_for(served.story.ends.get(), 5) == "done"


async def leave(served: Served, query: str) -> None:
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.post(served.url, json={"query": query}))
        await asyncio.wait_for(served.story.begun.wait(), 5)
        asking.cancel()
        await asyncio.wait({asking})
    # A request of somebody else is answered after the connection's end was noticed.
    await served.ask("{ hello }")


async def test_a_query_has_a_time_limit() -> None:
    async with serve(Limits(query_seconds=0.1)) as served:
        answer = await served.http.post("/graphql", json={"query": "{ slow }"})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]) == (
            503,
            {"code": "UNAVAILABLE"},
        )
        assert await served.story.ends.get() == "cancelled"
