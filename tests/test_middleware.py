"""What every request passes on its way in, and every answer on its way out."""

import asyncio
import io
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from typing import Any

import httpx
import orjson
import pytest
import structlog
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from server.doorway import Doorway
from server.doorway.hosts import Hosts
from server.doorway.origins import Origins
from server.doorway.peers import Peers
from server.observe import logs

HOST = {"host": "books.example"}
ELSEWHERE = "https://app.example"


async def seen(request: Request) -> Response:
    return JSONResponse({"id": request.state.request_id, "peer": request.client and request.client.host})


async def own(request: Request) -> Response:
    policy = {
        "content-security-policy": "default-src 'self'",
        "cache-control": "max-age=60",
        "vary": "Accept",
    }
    return Response("", headers=policy)


async def crash(request: Request) -> Response:
    raise RuntimeError("password=hunter2canary")


async def greet(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"id": websocket.state.request_id})
    if websocket.query_params:
        raise RuntimeError("a socket crashed")
    await websocket.close()


def app() -> Starlette:
    paths = {"/seen": seen, "/graphql": seen, "/own": own, "/crash": crash, "/health/live": seen}
    routes = [Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in paths.items()]
    return Starlette(routes=[*routes, WebSocketRoute("/graphql", greet)])


class Announced(uvicorn.Server):
    """A server that says on which port it listens as soon as it does."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.port.set_result(self.servers[0].sockets[0].getsockname()[1])


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The doorway before a small app, on a real port."""
    doorway = Doorway(app(), **({"public_url": "https://books.example"} | settings))
    config = uvicorn.Config(doorway, port=0, log_config=None, access_log=False, proxy_headers=False)
    server = Announced(config)
    running = asyncio.create_task(server.serve())
    try:
        port = await server.port
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        await running


@pytest.fixture
def lines() -> Iterator[io.BytesIO]:
    file = io.BytesIO()
    logs.configure(json=True, level="info", to=file)
    yield file
    structlog.reset_defaults()


async def test_every_request_has_an_id_of_its_own() -> None:
    async with served() as client:
        first = await client.get("/seen", headers=HOST)
        second = await client.get("/seen", headers=HOST | {"x-request-id": "chosen-by-a-stranger"})
    ids = [first.headers["x-request-id"], second.headers["x-request-id"]]
    assert ids == [first.json()["id"], second.json()["id"]]
    assert all(re.fullmatch("[0-9a-f]{32}", id) for id in ids)
    assert ids[0] != ids[1]


async def test_a_trusted_proxy_may_choose_the_id_in_a_decent_form() -> None:
    async with served(trusted_proxies=["127.0.0.0/8"]) as client:
        kept = await client.get("/seen", headers=HOST | {"x-request-id": "0b0e-From-The-Proxy"})
        assert kept.headers["x-request-id"] == kept.json()["id"] == "0b0e-From-The-Proxy"
        for odd in (b"short", b"x" * 65, b"with space", b"quote\"'<script>", "тест-юникод".encode()):
            answer = await client.get("/seen", headers=[(b"host", b"books.example"), (b"x-request-id", odd)])
            assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_only_a_trusted_proxy_is_believed_about_the_peer() -> None:
    spoofed = HOST | {"x-forwarded-for": "1.2.3.4, 203.0.113.9", "x-forwarded-proto": "https"}
    async with served() as client:
        assert (await client.get("/seen", headers=spoofed)).json()["peer"] == "127.0.0.1"
    async with served(trusted_proxies=["127.0.0.1"]) as client:
        assert (await client.get("/seen", headers=spoofed)).json()["peer"] == "203.0.113.9"
        assert (await client.get("/seen", headers=HOST)).json()["peer"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "origin"),
    [
        ([], "10.0.0.1"),
        ([b"203.0.113.9"], "203.0.113.9"),
        ([b"1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ([b"1.1.1.1", b"203.0.113.9", b"10.0.0.2"], "203.0.113.9"),
        ([b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ([b"203.0.113.9:4711"], "203.0.113.9"),
        ([b"[2001:db8::9]:443"], "2001:db8::9"),
        ([b"2001:DB8::9"], "2001:db8::9"),
        ([b"::ffff:203.0.113.9"], "203.0.113.9"),
        ([b"1.1.1.1, nonsense"], "10.0.0.1"),
        ([b"1.1.1.1, \xff\xfe, 10.0.0.2"], "10.0.0.2"),
        ([b""], "10.0.0.1"),
        ([b"," * 60_000], "10.0.0.1"),
        ([b"1.1.1.1, " + b"10.0.0.2," * 5_000 + b"10.0.0.2"], "10.0.0.2"),
    ],
)
def test_the_peer_is_who_the_farthest_trusted_proxy_saw(forwarded: list[bytes], origin: str) -> None:
    peers = Peers([IPv4Network("10.0.0.0/8"), "fd00::/8"])
    assert peers.origin("10.0.0.1", forwarded) == origin
    assert peers.origin("192.0.2.1", forwarded) == "192.0.2.1"
    assert peers.trusts("::ffff:10.0.0.1")
    assert not peers.trusts("not an address")


async def test_every_answer_carries_the_security_headers_and_keeps_its_own() -> None:
    async with served() as client:
        plain = await client.get("/seen", headers=HOST)
        missing = await client.get("/nowhere", headers=HOST)
        kept = await client.get("/own", headers=HOST)
        graphql = await client.get("/graphql", headers=HOST)
    for answer in (plain, missing, kept, graphql):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["strict-transport-security"] == "max-age=63072000"
        assert "camera=()" in answer.headers["permissions-policy"]
    assert missing.status_code == 404
    assert plain.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert kept.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert kept.headers["cache-control"] == "max-age=60"
    assert graphql.headers["cache-control"] == "no-store"
    assert "cache-control" not in plain.headers


async def test_transport_security_is_asked_for_only_where_there_is_any() -> None:
    async with served(public_url="http://books.example") as client:
        assert "strict-transport-security" not in (await client.get("/seen", headers=HOST)).headers


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"evil.example/path?",
        b"books.example@evil.example",
        b"books.example.evil.example",
        b"books.example:80:80",
        b"books.example:443/../",
        b"",
        b"a" * 5_000,
        b"b\xc3\xb6oks.example",
        b"localhost",
        b"127.0.0.1",
    ],
)
async def test_a_host_that_is_not_ours_is_refused(host: bytes) -> None:
    async with served() as client:
        refused = await client.get("/seen", headers=[(b"host", host)])
        allowed = await client.get("/seen", headers=[(b"host", b"BOOKS.example:8443")])
    assert (refused.status_code, allowed.status_code) == (400, 200)
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert refused.text in ("This is not a host of ours.", "Invalid HTTP request received.", "")


async def test_a_request_names_one_host() -> None:
    asked = [
        b"GET /seen HTTP/1.0\r\n\r\n",
        b"GET /seen HTTP/1.1\r\nHost: books.example\r\nHost: evil\r\n\r\n",
    ]
    async with served() as client:
        for request in asked:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(request)
            assert (await reader.readline()).startswith(b"HTTP/1.1 400")
            writer.close()
            await writer.wait_closed()


async def test_probes_may_ask_by_address_in_any_well_formed_name() -> None:
    async with served() as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/seen")).status_code == 400
        assert (await client.get("/health/live", headers={"host": "evil/path?"})).status_code == 400


def test_names_are_those_of_the_public_address_of_the_setting_and_in_development_loopback() -> None:
    production = Hosts("https://Books.example:8443/", ["api.books.example"])
    assert production.knows(b"books.example")
    assert production.knows(b"api.books.example:80")
    assert not production.knows(b"localhost")
    assert not production.knows(None)
    development = Hosts("http://localhost:8000", development=True)
    assert all(development.knows(host) for host in (b"localhost:8000", b"127.0.0.1", b"[::1]:8000"))
    assert Hosts("http://[2001:db8::1]:80").knows(b"[2001:db8::1]")
    with pytest.raises(ValueError, match="no host"):
        Hosts("books.example")


async def test_pages_of_allowed_origins_may_ask_and_others_may_not() -> None:
    async with served(allowed_origins=[ELSEWHERE]) as client:
        allowed = await client.post("/graphql", headers=HOST | {"origin": ELSEWHERE})
        refused = await client.post("/graphql", headers=HOST | {"origin": "https://app.example.evil.example"})
        without = await client.get("/own", headers=HOST)
    assert allowed.headers["access-control-allow-origin"] == ELSEWHERE
    assert allowed.headers["access-control-allow-credentials"] == "true"
    assert "x-request-id" in allowed.headers["access-control-expose-headers"]
    assert not [name for name in refused.headers if name.startswith("access-control-")]
    assert [answer.headers.get_list("vary") for answer in (allowed, refused, without)] == [
        ["Origin"],
        ["Origin"],
        ["Accept", "Origin"],
    ]


async def test_a_preflight_is_answered_at_once_and_can_be_remembered() -> None:
    asked = HOST | {
        "origin": ELSEWHERE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "Content-Type, authorization",
    }
    async with served(allowed_origins=[ELSEWHERE]) as client:
        yes = await client.options("/graphql", headers=asked)
        no = [
            await client.options("/graphql", headers=asked | odd)
            for odd in (
                {"origin": "null"},
                {"origin": "https://evil.example"},
                {"access-control-request-method": "DELETE"},
                {"access-control-request-headers": "x-tenant"},
            )
        ]
    assert (yes.status_code, yes.content) == (204, b"")
    assert yes.headers["access-control-allow-origin"] == ELSEWHERE
    assert yes.headers["access-control-allow-methods"] == "GET, POST"
    assert yes.headers["access-control-max-age"] == "7200"
    assert "authorization" in yes.headers["access-control-allow-headers"]
    assert yes.headers["vary"].startswith("Origin, ")
    for answer in no:
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"].startswith("Origin, ")


@pytest.mark.parametrize("origin", ["*", "https://*.example", "https://app.example/", "app.example", "null"])
def test_an_origin_is_allowed_by_its_exact_name(origin: str) -> None:
    with pytest.raises(ValueError, match="allowed origin"):
        Origins([origin])


async def test_a_crash_is_answered_and_logged_once_without_its_secrets(lines: io.BytesIO) -> None:
    async with served() as client:
        answer = await client.get("/crash", headers=HOST)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert answer.headers["x-frame-options"] == "DENY"
    logged = [orjson.loads(line) for line in lines.getvalue().splitlines()]
    told = [line for line in logged if line["level"] == "error"]
    assert [(line["event"], line["path"]) for line in told] == [("unexpected", "/crash")]
    assert told[0]["request_id"] == answer.headers["x-request-id"]
    assert "RuntimeError: password=[redacted]" in told[0]["exception"]
    assert b"hunter2canary" not in lines.getvalue()


async def test_an_answer_to_a_crash_below_starlette_is_ours() -> None:
    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("before anything was answered")

    doorway = Doorway(nothing, public_url="https://books.example")
    transport = httpx.ASGITransport(doorway)
    async with httpx.AsyncClient(transport=transport, base_url="https://books.example") as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.text) == (500, "Something went wrong on our side.")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_websockets_pass_the_same_door() -> None:
    async with served() as client:
        at = f"ws://127.0.0.1:{client.base_url.port}/graphql"
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(at)
        assert refused.value.response.status_code == 400
        assert refused.value.response.headers["x-content-type-options"] == "nosniff"

        ours = at.replace("127.0.0.1", "books.example")
        async with websockets.connect(ours, host="127.0.0.1", port=client.base_url.port) as ws:
            assert ws.response is not None
            assert orjson.loads(await ws.recv()) == {"id": ws.response.headers["x-request-id"]}
        async with websockets.connect(f"{ours}?crash=1", host="127.0.0.1", port=client.base_url.port) as ws:
            await ws.recv()
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await ws.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1011


async def test_the_log_context_of_a_request_ends_with_it() -> None:
    transport = httpx.ASGITransport(Doorway(app(), public_url="https://books.example"))
    async with httpx.AsyncClient(transport=transport, base_url="https://books.example") as client:
        await client.get("/seen")
    assert structlog.contextvars.get_contextvars() == {}
