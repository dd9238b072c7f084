"""The explorer: its examples fit the schema, its page is strict, and a browser uses it without leaving us."""

import gzip
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from server.explorer import Explorer
from server.explorer.examples import Example, examples
from server.explorer.page import STATIC
from server.settings import Settings
from server.worker import working
from tests.browser.driver import BROWSER_LIMIT, explore
from tests.node import INSTALL_LIMIT

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "clients/explorer"
BUCKET = "https://bucket.leporello.example"
PASSWORD = "a-password-of-the-test"

#: Wider comments wrap in the editor of a window of 1400 pixels.
COMMENT_COLUMNS = 48

TABS = [
    "1 Sign in",
    "2 Viewer",
    "3 Create book",
    "4 Books",
    "5 Book events",
    "6 Apply operations",
    "7 Invite member",
    "8 Accept invitation",
    "9 Request uploads",
    "10 Complete uploads",
    "11 Images",
    "12 Members",
    "13 Presence",
    "14 Update image",
    "15 Trash",
    "16 Duplicate book",
    "17 Guest",
    "18 Sessions",
    "19 Reset password",
    "20 Two factors",
    "21 Sign out",
]

SIGN_UP = "mutation SignUp($input: SignUpInput!) { signUp(input: $input) { userErrors { code message } } }"


@pytest.fixture
async def visitor() -> AsyncIterator[httpx.AsyncClient]:
    explorer = Explorer(image_origins=[BUCKET])

    async def graphql(request: Request) -> Any:
        return explorer.page(request)

    served = Starlette(routes=[Route("/graphql", graphql), *explorer.routes])
    transport = httpx.ASGITransport(served)
    async with httpx.AsyncClient(transport=transport, base_url="https://leporello.example") as client:
        yield client


@pytest.fixture(scope="session")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema/schema.graphql").read_text("utf-8"))


def named(example: Example) -> str:
    return example.name


@pytest.mark.parametrize("example", list(examples()), ids=named)
def test_every_example_fits_the_schema_with_the_variables_it_starts_with(
    example: Example, schema: GraphQLSchema
) -> None:
    document = parse(example.query)
    assert validate(schema, document) == []
    assert example.query.startswith(f"# {int(example.name[:2])}. ")
    comments = [line for line in example.query.splitlines() if line.startswith("#")]
    assert [line for line in comments if len(line) > COMMENT_COLUMNS] == []
    asked: set[str] = set()
    given = json.loads(example.variables or "{}")
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            definitions = operation.variable_definitions or ()
            assert not isinstance(get_variable_values(schema, definitions, given), list)
            asked |= {definition.variable.name.value for definition in definitions}
    assert set(given) == asked


def test_the_story_has_all_its_steps() -> None:
    assert [example.name for example in examples()] == [
        "01-sign-in",
        "02-viewer",
        "03-create-book",
        "04-books",
        "05-book-events",
        "06-apply-operations",
        "07-invite-member",
        "08-accept-invitation",
        "09-request-uploads",
        "10-complete-uploads",
        "11-images",
        "12-members",
        "13-presence",
        "14-update-image",
        "15-trash",
        "16-duplicate-book",
        "17-guest",
        "18-sessions",
        "19-reset-password",
        "20-two-factors",
        "21-sign-out",
    ]


def test_the_built_page_is_made_from_the_committed_sources() -> None:
    digest = sha256()
    for path in (SOURCES / "build.mjs", SOURCES / "package-lock.json", *sorted(SOURCES.glob("source/*"))):
        digest.update(path.read_bytes())
    built_from = (STATIC / "built-from.txt").read_text("utf-8").strip()
    assert built_from == digest.hexdigest(), "Stale: run `npm ci && npm run build` in clients/explorer."


async def test_the_page_comes_under_a_strict_policy(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/graphql", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["vary"] == "Accept"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "worker-src 'self'; connect-src 'self' wss://leporello.example; "
        f"img-src 'self' data: blob: {BUCKET}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert "<title>Leporello</title>" in page.text
    assert "://" not in page.text


@pytest.mark.parametrize("host", ["evil.example; script-src *", "evil.example *", "evil.example/'", ""])
async def test_a_strange_host_does_not_get_into_the_policy(visitor: httpx.AsyncClient, host: str) -> None:
    page = await visitor.get("/graphql", headers={"host": host})
    assert "connect-src 'self'; img-src" in page.headers["content-security-policy"]


async def test_built_files_are_kept_for_ever_with_their_types(visitor: httpx.AsyncClient) -> None:
    types = {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".ttf": "font/ttf",
        ".woff": "font/woff",
    }
    built = sorted(STATIC.glob("*.gz"))
    assert {Path(path.stem).suffix for path in built} == set(types)
    for path in built:
        packed = await visitor.get(f"/explorer/{path.stem}")
        plain = await visitor.get(f"/explorer/{path.stem}", headers={"accept-encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.content == plain.content == gzip.decompress(path.read_bytes())
        for answer in (packed, plain):
            assert answer.headers["content-type"] == types[Path(path.stem).suffix]
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-security-policy"] == "default-src 'none'"
            assert answer.headers["vary"] == "Accept-Encoding"
            assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["page.html", "built-from.txt", "nothing.js", "..%2Fpage.py", "%2e%2e/page.py"])
async def test_nothing_else_is_served(visitor: httpx.AsyncClient, name: str) -> None:
    assert (await visitor.get(f"/explorer/{name}")).status_code == 404


async def test_the_examples_are_served_as_they_are_kept(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/explorer/examples.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-cache"
    shown = [(one["name"], one["query"], one["variables"]) for one in answer.json()["examples"]]
    assert shown == [(one.name, one.query, one.variables) for one in examples()]


@pytest.mark.timeout(INSTALL_LIMIT + BROWSER_LIMIT + 30)
async def test_a_browser_runs_queries_and_a_live_subscription_without_leaving_the_origin(
    settings: Settings, serving: str, tmp_path: Path
) -> None:
    name, email = f"Explorer {uuid4().hex[:8]}", f"{uuid4().hex}@leporello.example"
    async with httpx.AsyncClient(base_url=serving) as client:
        signing_up = {"input": {"name": name, "email": email, "password": PASSWORD}}
        answer = await client.post("/graphql", json={"query": SIGN_UP, "variables": signing_up})
        assert answer.json()["data"]["signUp"]["userErrors"] == []

    async with working(settings):
        seen = await explore(tmp_path / "profile", base=serving, email=email, password=PASSWORD)

    assert "failure" not in seen, (seen["failure"], seen["response"], seen["shown"], seen["complaints"])
    assert seen["violations"] == []
    assert seen["complaints"] == []
    assert {urlsplit(url).netloc for url in seen["requests"]} == {urlsplit(serving).netloc}
    assert seen["sockets"] == [f"{serving.replace('http', 'ws', 1)}/graphql"]
    shown = seen["shown"]
    assert shown["title"] == "Leporello"
    assert shown["tabs"] == shown["tabsAfterReload"] == shown["tabsAfterAnotherOperation"] == TABS
    assert shown["tabsOutOfSight"] == 0
    assert shown["statusAfterTheNextRun"].startswith("Run the tabs from left to right")
    assert shown["statusOfTheForbidden"] == (
        f'FORBIDDEN: you are signed in as Guest, and {name} owns the book. Choose who you are under "Signed in as".'
    )
    assert shown["signedIn"] == shown["signedInAfterReload"] == name
    assert shown["created"] == "A summer by the lake"
    assert shown["live"] is True
    assert shown["captioned"] == "A yellow rectangle, in its way"
    assert shown["isTokenInLocalStorage"] is False
    assert shown["withoutIntrospection"] is True
    assert (shown["signedInAtTheEnd"], shown["headersAtTheEnd"]) == ("", "")
