"""Documents: read once for all their requests, named instead of sent, and trusted or nothing."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from server.graphql import Limits
from server.graphql.asked import Asked
from server.graphql.documents import Documents, ManifestRefused, Rejected, Trusted, manifest, store
from server.graphql.kept import keeping
from tests import library
from tests.node import INSTALL_LIMIT, node
from tests.running import free_port
from tests.served import Served, schema, serve
from tests.test_cli import typed
from tests.test_graphql_socket import talking

NPM = Path(__file__).parent / "npm"
HELLO = "query Hello($name: String!) { hello(name: $name) }"
ADA = {"data": {"hello": "Hello, Ada!"}, "extensions": {"cost": 0}}
NOTE = 'mutation { note(text: "x") }'
UNTRUSTED = {
    "message": "Only trusted documents are answered here: send the id or the exact text of one.",
    "extensions": {"code": "BAD_USER_INPUT"},
}
UNKNOWN = {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
UNSUPPORTED = {"message": "PersistedQueryNotSupported", "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}}
MISMATCH = {"message": "provided sha does not match query", "extensions": {"code": "BAD_USER_INPUT"}}
GRAPHQL = {"accept": "application/graphql-response+json"}


def documents(limits: Limits | None = None, trusted: list[Trusted] | None = None) -> Documents:
    return keeping(schema, limits or Limits(), introspection=False, trusted=trusted)[1]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def hashed(text: str, version: object = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": digest(text)}}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as served:
        yield served


async def over_http(served: Served, **body: Any) -> Any:
    return (await served.http.post("/graphql", json={"variables": {"name": "Ada"}, **body})).json()


async def over_get(served: Served, **body: Any) -> Any:
    told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
    return (await served.http.get("/graphql", params={"variables": '{"name": "Ada"}', **told})).json()


async def over_websocket(served: Served, **body: Any) -> Any:
    """As HTTP would answer it."""
    async with talking(served) as client:
        await client.say("subscribe", id="a", payload={"variables": {"name": "Ada"}, **body})
        heard = await client.hear()
        if heard["type"] == "error":
            return {"errors": heard["payload"]}
        assert await client.hear() == {"id": "a", "type": "complete"}
        return heard["payload"]


TRANSPORTS = pytest.mark.parametrize("ask", [over_http, over_get, over_websocket])


def test_a_document_keeps_what_was_made_of_it() -> None:
    kept = documents()
    operation = kept.read("".join(["{ ", "hello", " }"])).operation(None)
    operation.slots["plan"] = "made once"
    assert kept.read("{ hello }").operation(None) is operation
    assert (operation.kind, operation.name, operation.document.text) == ("query", None, "{ hello }")
    assert operation.document.sha256 == digest("{ hello }")
    assert operation.node is operation.document.node.definitions[0]


def test_a_text_is_digested_once(monkeypatch: pytest.MonkeyPatch) -> None:
    digested: list[bytes] = []

    def digesting(text: bytes) -> Any:
        digested.append(text)
        return sha256(text)

    monkeypatch.setattr(store, "sha256", digesting)
    kept = documents()
    for extensions in (None, hashed("{ hello }"), None):
        asked = Asked("".join(["{ hello", " }"]), None, None, extensions)
        assert kept.knows(asked) is bool(digested)
        kept.of(asked)
    assert digested == [b"{ hello }"]


def test_an_operation_is_chosen_by_its_name() -> None:
    kept = documents()
    both = kept.read("query A { hello } mutation B { note(text: \"\") }")  # fmt: skip
    assert [both.operation(name).kind for name in ("A", "B")] == ["query", "mutation"]
    assert [operation.name for operation in both.operations] == ["A", "B"]
    one = kept.read("query A { hello }")
    assert one.operation(None) is one.operation("A")
    for document, name, message in (
        (both, None, "Say in `operationName` which of the operations to execute."),
        (both, "C", "There is no operation 'C' in this document."),
        (kept.read("{ hello }"), "A", "There is no operation 'A' in this document."),
    ):
        with pytest.raises(Rejected, match=message):
            document.operation(name)


def test_what_no_longer_fits_goes_by_text_and_by_id() -> None:
    kept = documents(Limits(cached_characters=30))
    first, second, third = (f"{{ {name}: hello }}" for name in "abc")
    for text in (first, second):
        kept.read(text)
    # Asked for by its id, it is the last to have been used.
    kept.of(Asked(None, None, None, hashed(first)))
    kept.read(third)
    assert [kept.knows(Asked(text, None, None, None)) for text in (first, second, third)] == [True, False, True]
    with pytest.raises(Exception, match="PersistedQueryNotFound"):
        kept.of(Asked(None, None, None, hashed(second)))


@pytest.mark.timeout(INSTALL_LIMIT + 90)
async def test_apollos_client_sends_a_document_once(served: Served) -> None:
    told = json.loads(await node(NPM, "apollo.mjs", served.url, json.dumps([HELLO] * 2), "false"))
    assert told["results"] == [{"data": ADA["data"], "error": None}] * 2
    assert [(each["method"], each["query"], each["status"]) for each in told["sent"]] == [
        ("POST", False, 200),
        ("POST", True, 200),
        ("POST", False, 200),
    ]
    told = json.loads(await node(NPM, "apollo.mjs", served.url, json.dumps([HELLO]), "true"))
    assert told["sent"] == [{"method": "GET", "query": False, "status": 200}]
    assert told["results"] == [{"data": ADA["data"], "error": None}]


@TRANSPORTS
async def test_a_persisted_query(served: Served, ask: Any) -> None:
    assert await ask(served, extensions=hashed(HELLO)) == {"errors": [UNKNOWN]}
    assert await ask(served, query=HELLO, extensions=hashed(HELLO)) == ADA
    assert await ask(served, extensions=hashed(HELLO)) == ADA
    assert await ask(served, query="", extensions=hashed(HELLO)) == ADA
    assert served.endpoint.means.documents.misses == 1
    # The id may also be said as GraphQL over HTTP has it.
    assert await ask(served, documentId=f"sha256:{digest(HELLO)}") == ADA
    (unknown,) = (await ask(served, documentId=f"sha256:{digest(NOTE)}"))["errors"]
    assert unknown == {"message": "There is no document with this id.", "extensions": {"code": "BAD_USER_INPUT"}}


@TRANSPORTS
async def test_a_hash_of_something_else_is_refused(served: Served, ask: Any) -> None:
    for misses in range(2):
        assert await ask(served, query=HELLO, extensions=hashed(HELLO + " ")) == {"errors": [MISMATCH]}
        # It was not even read.
        assert served.endpoint.means.documents.misses == misses
        assert await ask(served, extensions=hashed(HELLO + " ")) == {"errors": [UNKNOWN]}
        assert await ask(served, query=HELLO) == ADA
    assert await ask(served, query=HELLO, documentId=digest(HELLO + " ")) == {"errors": [MISMATCH]}


@TRANSPORTS
async def test_only_a_valid_document_is_registered(served: Served, ask: Any) -> None:
    bad = "{ nothing }"
    assert (await ask(served, query=bad, extensions=hashed(bad)))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await ask(served, extensions=hashed(bad)) == {"errors": [UNKNOWN]}


@TRANSPORTS
@pytest.mark.parametrize("version", [2, 0, "1", True, None])
async def test_another_protocol_is_not_supported(served: Served, ask: Any, version: object) -> None:
    assert await ask(served, query=HELLO, extensions=hashed(HELLO, version)) == {"errors": [UNSUPPORTED]}


@TRANSPORTS
@pytest.mark.parametrize("persisted", [1, [], {}, {"version": 1}, {"version": 1, "sha256Hash": 5}])
async def test_a_persisted_query_that_is_none_is_refused(served: Served, ask: Any, persisted: object) -> None:
    (error,) = (await ask(served, query=HELLO, extensions={"persistedQuery": persisted}))["errors"]
    assert error["message"] == "`persistedQuery` is an object with a `version` and a `sha256Hash`."
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert await ask(served, query=HELLO, extensions={"persistedQuery": None}) == ADA


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"extensions": hashed(HELLO)}, 200),
        ({"extensions": hashed(HELLO, 2)}, 200),
        ({"query": HELLO, "extensions": hashed(NOTE)}, 400),
        ({"extensions": {"persistedQuery": 5}}, 400),
        ({"documentId": "none"}, 400),
        ({"documentId": 5}, 400),
        ({"extensions": {}}, 400),
    ],
)
async def test_the_status_is_what_apollos_clients_expect(served: Served, body: dict[str, Any], status: int) -> None:
    assert (await served.http.post("/graphql", json=body, headers=GRAPHQL)).status_code == status


async def test_a_mutation_is_not_sent_by_get_under_another_name(served: Served) -> None:
    assert (await over_http(served, query=NOTE, variables={}))["data"] == {"note": 1}
    answer = await served.http.get("/graphql", params={"documentId": digest(NOTE)})
    assert (answer.status_code, served.story.notes) == (405, ["x"])


async def test_a_subscription_can_be_named(served: Served) -> None:
    text = "subscription { count(to: 1) }"
    assert await over_websocket(served, extensions=hashed(text)) == {"errors": [UNKNOWN]}
    assert await over_websocket(served, query=text, extensions=hashed(text)) == {"data": {"count": 0}}
    assert await over_websocket(served, extensions=hashed(text)) == {"data": {"count": 0}}


MANIFEST = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": digest(HELLO), "body": HELLO, "name": "Hello", "type": "query"},
        {"id": "note-1", "body": NOTE, "name": "Note", "type": "mutation"},
    ],
}
PLAIN = {digest(HELLO): HELLO, "sha256:note": NOTE, "note-1": NOTE}


def written(folder: Path, told: object) -> Path:
    path = folder / "manifest.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told), "utf-8")
    return path


@pytest.fixture(params=[MANIFEST, PLAIN], ids=["apollo", "plain"])
async def trusting(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    async with serve(trusted=manifest.read(written(tmp_path, request.param)), introspection=True) as served:
        yield served


@TRANSPORTS
async def test_a_trusted_document_is_answered_under_its_names(trusting: Served, ask: Any) -> None:
    assert await ask(trusting, documentId=digest(HELLO)) == ADA
    assert await ask(trusting, documentId=f"sha256:{digest(HELLO)}") == ADA
    assert await ask(trusting, extensions=hashed(HELLO)) == ADA
    assert await ask(trusting, query=HELLO) == ADA
    assert await ask(trusting, query=HELLO, extensions=hashed(HELLO)) == ADA
    assert await ask(trusting, query=HELLO, extensions=hashed(NOTE)) == {"errors": [MISMATCH]}


@TRANSPORTS
@pytest.mark.parametrize(
    "body",
    [
        {"query": HELLO + " "},
        {"query": "{ hello }"},
        {"query": "{ __schema { description } }"},
        {"query": 'mutation { note(text: "y") }'},
        {"query": "{ hello", "extensions": hashed("{ hello")},
        {"query": "{ hello }", "extensions": hashed("{ hello }")},
        {"extensions": hashed("{ hello }")},
        {"documentId": "note-2"},
        {"documentId": ""},
    ],
)
async def test_nothing_else_is_answered(trusting: Served, ask: Any, body: dict[str, Any]) -> None:
    for _ in range(2):
        assert await ask(trusting, **body) == {"errors": [UNTRUSTED]}
    assert trusting.story.notes == []


async def test_an_id_of_ones_own_names_a_mutation(trusting: Served) -> None:
    note = {"documentId": "note-1", "variables": {}}
    assert await over_http(trusting, **note) == {**ADA, "data": {"note": 1}}
    assert await over_websocket(trusting, **note) == {**ADA, "data": {"note": 2}}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("{", r"manifest.json is not JSON: .+\.$"),
        ({}, "manifest.json holds no documents."),
        ({"operations": []}, "format apollo-persisted-query-manifest, version 1."),
        ({**MANIFEST, "version": 2}, "format apollo-persisted-query-manifest, version 1."),
        ({**MANIFEST, "operations": {}}, "`operations` is a list."),
        ({**MANIFEST, "operations": []}, "holds no documents."),
        ({**MANIFEST, "operations": [{"id": "a"}]}, "Operation 1 is an object with the texts `id`, `body` and `name`."),
        ({**MANIFEST, "operations": [{"id": "a", "body": "{a}", "name": 5}]}, "Operation 1 is an object"),
        ({"a": 5}, "A manifest is an object of ids and documents"),
        ([HELLO], "A manifest is an object of ids and documents"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, told: object, message: str) -> None:
    with pytest.raises(ManifestRefused, match=message):
        manifest.read(written(tmp_path, told))


@pytest.mark.parametrize(
    ("trusted", "message"),
    [
        (Trusted("1", "{ hello", "Broken"), r"^The trusted document Broken \(1\) is refused: Syntax Error"),
        (Trusted("1", "{ nothing }"), "^The trusted document 1 is refused: Cannot query field 'nothing'"),
        (Trusted("1", "{ __schema { description } }"), "introspection has been disabled"),
        (Trusted("1", "{ hello " + " " * 50_000 + "}"), "A document has at most 50000 characters"),
        (Trusted("1", "{ node {" + " next {" * 15 + " number }" + "}" * 16), "at most 15 fields deep"),
        (Trusted("ok", "{ b: hello }"), "^Two trusted documents have the id ok.$"),
    ],
)
def test_a_trusted_document_is_held_to_the_limits_before_it_is_asked_for(trusted: Trusted, message: str) -> None:
    with pytest.raises(ManifestRefused, match=message):
        documents(trusted=[Trusted("ok", "{ hello }"), trusted])


async def test_a_trusted_document_is_held_to_the_cost(tmp_path: Path) -> None:
    def kept(text: str) -> Documents:
        return keeping(library.schema, Limits(cost=10), introspection=False, trusted=[Trusted("1", text)])[1]

    with pytest.raises(ManifestRefused, match=r"^The trusted document 1 is refused: It costs 11, and 10 at most"):
        kept("{ books(first: 11) { nodes { id } } }")
    text = "query ($first: Int) { books(first: $first) { nodes { id } } }"
    kept(text)
    async with serve(Limits(cost=10), schema=library.schema, trusted=[Trusted("1", text)]) as served:
        assert len((await over_http(served, documentId="1", variables={"first": 10}))["data"]["books"]["nodes"]) == 10
        (error,) = (await over_http(served, documentId="1", variables={"first": 11}))["errors"]
        assert error["extensions"] == {"code": "TOO_COSTLY", "cost": 11, "limit": 10}


def test_a_manifest_has_the_say_over_what_an_id_names() -> None:
    a, b = "{ a: hello }", "{ b: hello }"
    kept = documents(trusted=[Trusted(digest(a), b), Trusted("a", a)])
    assert kept.of(Asked(None, None, None, None, digest(a))).text == b
    assert kept.of(Asked(a, None, None, None, "a")).text == a
    with pytest.raises(ManifestRefused, match=r"^Two trusted documents have the id"):
        documents(trusted=[Trusted("a", a), Trusted(digest(a), b)])


def test_more_documents_are_trusted_than_would_be_kept() -> None:
    trusted = [Trusted(str(number), f"{{ a{number}: hello }}") for number in range(50)]
    kept = documents(Limits(cached_characters=100), trusted=trusted)
    for each in trusted:
        assert kept.of(Asked(None, None, None, None, each.id)).text == each.text
    assert kept.misses == 50


@pytest.mark.parametrize("command", ["dev", "serve", "doctor"])
async def test_a_bad_manifest_is_one_line(tmp_path: Path, command: str) -> None:
    path = written(tmp_path, {"first": "{ nothing }"})
    names = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    values = ("x" * 40, "postgresql://u:p@127.0.0.1:9/x", "redis://127.0.0.1:9", "http://127.0.0.1:9", "a", "b")
    words = (command,) if command == "doctor" else (command, "--port", str(free_port()))
    given = dict(zip(names, values, strict=True)) | {"TRUSTED_DOCUMENTS": str(path)}
    status, out, said = await typed(*words, cwd=tmp_path, **given)
    line = "TRUSTED_DOCUMENTS: The trusted document first is refused: Cannot query field 'nothing' on type 'Query'."
    assert status == 1
    if command == "doctor":
        assert f"✗ Trusted documents: {line}" in " ".join(out.split())
    else:
        assert said == f"{line}\n"
    assert not (tmp_path / ".leporello").exists()
