"""GraphQL over a websocket: graphql-transport-ws as its protocol says, and what ends a connection."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from server.graphql import Limits
from tests.client import answered
from tests.node import INSTALL_LIMIT, node
from tests.served import Served, serve, token, viewer_of
from tests.sockets import until

NPM = Path(__file__).parent / "npm"
PROTOCOL = Subprotocol("graphql-transport-ws")


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as served:
        yield served


@dataclass
class Client:
    """Speaks the protocol by hand, to be able to break it."""

    connection: ClientConnection

    async def say(self, type: str, **message: Any) -> None:
        await self.connection.send(json.dumps({"type": type, **message}))

    async def subscribe(self, id: str, query: str, **payload: Any) -> None:
        await self.say("subscribe", id=id, payload={"query": query, **payload})

    async def hear(self) -> dict[str, Any]:
        heard = await asyncio.wait_for(self.connection.recv(), 10)
        assert isinstance(heard, str)
        message: dict[str, Any] = json.loads(heard)
        return message

    async def closed(self) -> tuple[int, str]:
        """The code and the reason of its end, with nothing said before."""
        with pytest.raises(ConnectionClosed):
            pytest.fail(f"heard {await asyncio.wait_for(self.connection.recv(), 10)!r}")
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""


@asynccontextmanager
async def opened(served: Served, *, origin: str | None = "same", **options: Any) -> AsyncIterator[Client]:
    """A socket that has said nothing yet, as a browser of the same host opens it."""
    if origin == "same":
        origin = f"http://127.0.0.1:{served.port}"
    async with connect(
        served.ws_url,
        origin=Origin(origin) if origin else None,
        subprotocols=[PROTOCOL],
        compression=None,
        **options,
    ) as connection:
        yield Client(connection)


@asynccontextmanager
async def talking(served: Served, authorization: str | None = None, **options: Any) -> AsyncIterator[Client]:
    """A socket that has been let in."""
    async with opened(served, **options) as client:
        await client.say("connection_init", payload={"authorization": authorization} if authorization else {})
        assert await client.hear() == {"type": "connection_ack"}
        yield client


async def graphql_ws(served: Served, query: str, authorization: str | None = None, **more: Any) -> Any:
    """What graphql-ws, the reference client, makes of it."""
    payload = {"authorization": authorization} if authorization else {}
    asked = (json.dumps({"query": query, **more}), json.dumps(payload))
    return json.loads(await node(NPM, "subscribe.mjs", served.ws_url, *asked))


@pytest.mark.timeout(INSTALL_LIMIT + 90)
async def test_graphql_ws_gets_all_kinds_of_operations(served: Served) -> None:
    good = f"Bearer {token()}"
    counted, asked, noted, refused, wrong = await asyncio.gather(
        graphql_ws(served, "subscription { count(to: 3) }", good, extensions={"some": "value"}),
        graphql_ws(served, "query ($name: String) { hello(name: $name) }", good, variables={"name": "you"}),
        graphql_ws(served, 'mutation { note(text: "x") }', good),
        graphql_ws(served, 'subscription { fails(how: "forbidden", after: 1) }', good),
        graphql_ws(served, "{ hello", good),
    )
    assert counted == {"results": [{"data": {"count": n}} for n in range(3)], "error": None, "closes": []}
    assert asked["results"] == [answered({"hello": "Hello, you!"})]
    assert noted["results"] == [answered({"note": 1})]
    assert refused["results"] == [{"data": {"fails": 0}}]
    assert refused["error"] == [{"message": "You may not do that.", "extensions": {"code": "FORBIDDEN"}}]
    assert [error["extensions"]["code"] for error in wrong["error"]] == ["BAD_USER_INPUT"]


async def test_graphql_ws_learns_why_it_is_not_let_in(served: Served) -> None:
    expired, invalid = await asyncio.gather(
        graphql_ws(served, "{ hello }", token(seconds=-1)), graphql_ws(served, "{ hello }", "nonsense")
    )
    assert (expired["error"], invalid["error"]) == (4403, 4401)


async def test_operations_are_answered_side_by_side(served: Served) -> None:
    async with talking(served) as client:
        await client.subscribe("slow", "subscription { ticks }")
        assert (await client.hear())["id"] == "slow"
        await client.subscribe("a", "{ hello }")
        assert [await client.hear() for _ in range(2)] == [
            {"id": "a", "type": "next", "payload": answered({"hello": "Hello, world!"})},
            {"id": "a", "type": "complete"},
        ]
        await client.say("ping", payload={"at": 1})
        assert await client.hear() == {"type": "pong"}
        await client.say("pong")
        await client.say("complete", id="nobody's")
        served.story.go_on.set()
        assert await client.hear() == {"id": "slow", "type": "next", "payload": {"data": {"ticks": "tick"}}}


MALFORMED: dict[str, str | bytes] = {
    "no JSON": "{",
    "nothing": "",
    "a number": "1",
    "null": "null",
    "a list": "[]",
    "a string": '"ping"',
    "no type": "{}",
    "type: a number": '{"type": 1}',
    "type: a list": '{"type": ["ping"]}',
    "an unknown type": '{"type": "start", "id": "1"}',
    "a long unknown type": json.dumps({"type": "ü" * 1_000}),
    "binary": b'{"type": "ping"}',
    "a ping with a list": '{"type": "ping", "payload": []}',
    "subscribe: nothing": '{"type": "subscribe"}',
    "subscribe: no id": '{"type": "subscribe", "payload": {"query": "{ hello }"}}',
    "subscribe: an empty id": '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
    "subscribe: id a number": '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
    "subscribe: id a list": '{"type": "subscribe", "id": [], "payload": {"query": "{ hello }"}}',
    "subscribe: no payload": '{"type": "subscribe", "id": "1"}',
    "subscribe: payload a list": '{"type": "subscribe", "id": "1", "payload": []}',
    "subscribe: payload a string": '{"type": "subscribe", "id": "1", "payload": "{ hello }"}',
    "subscribe: no query": '{"type": "subscribe", "id": "1", "payload": {}}',
    "subscribe: query a number": '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    "subscribe: variables a list": (
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}}'
    ),
    "subscribe: name a number": (
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "operationName": 1}}'
    ),
    "subscribe: extensions a list": (
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "extensions": []}}'
    ),
    "complete: no id": '{"type": "complete"}',
    "complete: id an object": '{"type": "complete", "id": {}}',
    "100,000 levels": '{"type": ' + "[" * 100_000,
    "a lone surrogate": '{"type": "ping", "payload": {"a": "\\ud800"}}',
    "NaN": '{"type": "ping", "payload": {"a": NaN}}',
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_message_ends_the_socket_with_4400(
    served: Served, message: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with talking(served) as client:
        await client.connection.send(message)
        code, reason = await client.closed()
    assert code == 4400 and reason
    assert caplog.records == [] and served.story.operations == []


@pytest.mark.parametrize("payload", [[], "x", 1, {"authorization": 1}, {"authorization": ["x"]}])
async def test_a_malformed_connection_init_ends_the_socket_with_4400(served: Served, payload: object) -> None:
    async with opened(served) as client:
        await client.say("connection_init", payload=payload)
        assert (await client.closed())[0] == 4400


@pytest.mark.parametrize("message", [{"type": "connection_init"}, {"type": "connection_init", "payload": None}])
async def test_connection_init_needs_no_payload(served: Served, message: dict[str, Any]) -> None:
    async with opened(served) as client:
        await client.connection.send(json.dumps(message))
        assert await client.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize("subprotocols", [None, ["graphql-ws"], ["mqtt"]])
async def test_other_subprotocols_are_not_spoken(served: Served, subprotocols: list[Subprotocol] | None) -> None:
    async with connect(
        served.ws_url, subprotocols=subprotocols, additional_headers={"authorization": f"Bearer {token()}"}
    ) as connection:
        assert await Client(connection).closed() == (4406, "Subprotocol not acceptable")


async def test_whoever_does_not_begin_is_closed_with_4408() -> None:
    async with serve(Limits(init_seconds=0.2)) as served:
        begun = monotonic()
        async with opened(served) as client:
            await client.say("ping")
            assert await client.hear() == {"type": "pong"}
            assert await client.closed() == (4408, "Connection initialisation timeout")
        assert 0.15 < monotonic() - begun < 5
        async with talking(served) as client:
            await client.subscribe("a", "subscription { ticks }")
            await client.hear()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.connection.recv(), 0.4)


async def test_the_order_of_the_protocol_is_kept(served: Served) -> None:
    async with opened(served) as client:
        await client.subscribe("a", 'mutation { note(text: "x") }')
        assert await client.closed() == (4401, "Unauthorized")
    async with talking(served) as client:
        await client.say("connection_init")
        assert await client.closed() == (4429, "Too many initialisation requests")
    async with talking(served) as client:
        await client.subscribe("a", "subscription { ticks }")
        await client.hear()
        await client.subscribe("a", 'mutation { note(text: "x") }')
        assert await client.closed() == (4409, "Subscriber for a already exists")
    assert served.story.notes == []


async def test_an_id_may_be_used_again_at_once(served: Served) -> None:
    async with talking(served) as client:
        for _ in range(50):
            await client.subscribe("a", "subscription { ticks }")
            await client.say("complete", id="a")
        await client.subscribe("a", "{ hello }")
        heard = await client.hear()
        while "ticks" in heard.get("payload", {}).get("data", {}):
            heard = await client.hear()
        assert heard == {"id": "a", "type": "next", "payload": answered({"hello": "Hello, world!"})}
        assert await client.hear() == {"id": "a", "type": "complete"}


async def test_a_mutation_that_is_given_up_does_not_answer_the_next_of_its_id(served: Served) -> None:
    async with talking(served) as client:
        await client.subscribe("a", "mutation { slow }")
        await asyncio.wait_for(served.story.begun.wait(), 5)
        await client.say("complete", id="a")
        await client.subscribe("a", "subscription { ticks }")
        assert "ticks" in (await client.hear())["payload"]["data"]
        served.story.go_on.set()
        assert await asyncio.wait_for(served.story.ends.get(), 5) == "done"
        assert [(await client.hear())["payload"] for _ in range(5)] == [{"data": {"ticks": "tick"}}] * 5


@pytest.mark.parametrize(
    "payload",
    [
        {"query": ""},
        {"query": "{ hello"},
        {"query": "{ nothing }"},
        {"query": "query A { hello } query B { hello }"},
        {"query": "{ hello }", "operationName": "B"},
        {"query": "query ($n: Int!) { nodes(first: $n) { number } }", "variables": {"n": "x"}},
        {"query": "subscription ($n: Int!) { count(to: $n) }", "variables": {"n": "x"}},
        {"query": "subscription { count(to: 1) mine }"},
        {"query": "{ hello }", "variables": {"a": "\0"}},
        {"query": "{" * 1_000},
    ],
)
async def test_a_mistake_in_one_operation_leaves_the_socket_alone(served: Served, payload: dict[str, Any]) -> None:
    async with talking(served) as client:
        with capture_logs() as records:
            await client.say("subscribe", id="wrong", payload=payload)
            refused = await client.hear()
        assert (refused["id"], refused["type"]) == ("wrong", "error")
        assert {error["extensions"]["code"] for error in refused["payload"]} == {"BAD_USER_INPUT"}
        assert records == []
        await client.subscribe("wrong", "{ hello }")
        assert (await client.hear())["type"] == "next"


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(
    ("how", "message", "code", "level"),
    [
        ("forbidden", "You may not do that.", "FORBIDDEN", None),
        ("limited", "Slow down.", "RATE_LIMITED", None),
        ("os", "A part of the service is away. Try again in a moment.", "UNAVAILABLE", "warning"),
        ("bug", "Something went wrong on our side.", "INTERNAL", "error"),
    ],
)
async def test_a_subscription_that_fails_ends_with_its_code(
    served: Served, how: str, message: str, code: str, level: str | None, after: int
) -> None:
    async with talking(served) as client:
        with capture_logs() as records:
            await client.subscribe("a", f'subscription {{ fails(how: "{how}", after: {after}) }}')
            assert [(await client.hear())["payload"]["data"]["fails"] for _ in range(after)] == [*range(after)]
            ended = await client.hear()
        (error,) = ended.pop("payload")
        assert ended == {"id": "a", "type": "error"}
        assert (error["message"], error["extensions"]["code"]) == (message, code)
        assert [record["log_level"] for record in records] == ([level] if level else [])
        await client.subscribe("a", "{ hello }")
        assert (await client.hear())["type"] == "next"
    assert [operation.code for operation in served.story.operations] == [code, None]


async def test_a_field_that_fails_does_not_end_its_subscription(served: Served) -> None:
    async with talking(served) as client:
        await client.subscribe("a", "subscription { nodes { number broken } }")
        heard = await client.hear()
        assert (heard["type"], heard["payload"]["data"]) == ("next", {"nodes": {"number": 1, "broken": None}})
        assert heard["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert await client.hear() == {"id": "a", "type": "complete"}


async def test_what_cannot_be_encoded_ends_its_operation_alone(served: Served) -> None:
    async with talking(served) as client:
        await client.subscribe("a", "{ unspeakable }")
        refused = await client.hear()
        assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL")
        await client.subscribe("a", "{ hello }")
        assert (await client.hear())["type"] == "next"


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "{}", " {} "])
async def test_a_token_comes_in_connection_init(served: Served, form: str) -> None:
    user = uuid4()
    async with talking(served, form.format(token(user)), origin=None) as client:
        await client.subscribe("a", "subscription { mine }")
        assert (await client.hear())["payload"] == {"data": {"mine": str(user)}}


async def test_a_token_comes_in_the_header_of_the_upgrade(served: Served) -> None:
    user = uuid4()
    headers = {"authorization": f"Bearer {token(user)}"}
    async with talking(served, origin=None, additional_headers=headers) as client:
        await client.subscribe("a", "{ me }")
        assert (await client.hear())["payload"] == answered({"me": str(user)})


async def test_a_bad_token_closes_the_socket(served: Served) -> None:
    over = uuid4()
    served.story.revoked.add(over)
    for authorization, code, reason in (
        (token(seconds=-1), 4403, "That token has expired."),
        ("nonsense", 4401, "That token is not valid."),
        (token(session=over), 4401, "That session is over."),
    ):
        async with opened(served) as client:
            await client.say("connection_init", payload={"authorization": authorization})
            assert await client.closed() == (code, reason)


async def test_a_door_that_is_away_asks_to_come_back(served: Served) -> None:
    served.door.closed = True
    async with opened(served) as client:
        await client.say("connection_init", payload={"authorization": token()})
        assert (await client.closed())[0] == 1013


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://good.example.evil.example", "http://127.0.0.1:1"]
)
async def test_another_origin_is_refused_at_the_upgrade(origin: str) -> None:
    async with serve(allowed_origins=["https://good.example"]) as served:
        with pytest.raises(InvalidStatus) as refused:
            await connect(served.ws_url, origin=Origin(origin), subprotocols=[PROTOCOL])
        assert refused.value.response.status_code == 403
        assert served.story.entrances == []
        async with talking(served, origin="https://good.example"), talking(served):
            pass


async def test_no_origin_goes_with_a_token_and_never_with_a_cookie(served: Served) -> None:
    headers = {"authorization": f"Bearer {token()}", "cookie": "session=1"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(served.ws_url, subprotocols=[PROTOCOL], additional_headers=headers)
    assert refused.value.response.status_code == 403
    async with opened(served, origin=None) as client:
        await client.say("connection_init")
        assert await client.closed() == (4401, "Without an Origin, a token is needed.")
    async with talking(served, token(), origin=None):
        pass


async def test_each_operation_has_a_context_of_its_own(served: Served) -> None:
    async with talking(served, token()) as client:
        seen = []
        for id in "ab":
            await client.subscribe(id, "{ requestId }")
            seen.append((await client.hear())["payload"]["data"]["requestId"])
            await client.hear()
    init, first, second = served.story.entrances
    assert seen == [first.request_id, second.request_id] and len({init.request_id, *seen}) == 3
    assert len({id.rsplit(".", 1)[0] for id in seen}) == 1
    assert first.socket is second.socket is not None
    assert [(o.kind, o.transport) for o in served.story.operations] == [("query", "websocket")] * 2


async def test_a_revoked_session_ends_its_sockets_and_no_others(served: Served) -> None:
    session = uuid4()
    async with (
        talking(served, token(session=session)) as one,
        talking(served, token(session=session)) as two,
        talking(served, token()) as other,
    ):
        for client in (one, two, other):
            await client.subscribe("a", "subscription { ticks }")
            await client.hear()
        assert session in served.endpoint.sockets.sessions
        await served.endpoint.sockets.close_session(session)
        served.story.go_on.set()
        assert await one.closed() == await two.closed() == (4401, "Session revoked.")
        assert (await other.hear())["payload"] == {"data": {"ticks": "tick"}}
        assert [await asyncio.wait_for(served.story.ends.get(), 5) for _ in range(2)] == ["closed"] * 2
        assert session not in served.endpoint.sockets.sessions and len(served.endpoint.sockets) == 1


async def test_a_socket_ends_with_its_token(served: Served) -> None:
    begun = monotonic()
    async with talking(served, token(seconds=0.5)) as client:
        await client.subscribe("a", "subscription { ticks }")
        await client.hear()
        assert await client.closed() == (4403, "The access token has expired.")
        assert 0.3 < monotonic() - begun < 5
    assert await asyncio.wait_for(served.story.ends.get(), 5) == "closed"


async def test_a_renewed_socket_goes_on(served: Served) -> None:
    user, session = uuid4(), uuid4()
    async with talking(served, token(user, session, seconds=0.5)) as client:
        await client.subscribe("a", "subscription { ticks }")
        await client.hear()
        renewal = {"token": token(user, session, seconds=1.5)}
        await client.subscribe("b", "mutation ($token: String!) { renew(token: $token) }", variables=renewal)
        assert (await client.hear())["payload"] == answered({"renew": True})
        await client.hear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connection.recv(), 0.7)
        # Operations enter with the fresh token.
        await client.subscribe("c", "{ me }")
        assert (await client.hear())["payload"] == answered({"me": str(user)})
        await client.hear()
        assert await client.closed() == (4403, "The access token has expired.")


async def test_a_socket_is_not_renewed_with_the_token_of_another(served: Served) -> None:
    user, session = uuid4(), uuid4()
    async with talking(served, token(user, session)) as client:
        for stranger in (token(user), token(session=session)):
            await client.subscribe(
                "a", "mutation ($token: String!) { renew(token: $token) }", variables={"token": stranger}
            )
            heard = await client.hear()
            assert heard["payload"]["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
            await client.hear()
        assert served.a_socket.viewer and served.a_socket.viewer.session_id == session
    assert viewer_of(token(user)).user_id == user


async def test_generators_are_closed_when_the_client_leaves(served: Served) -> None:
    async with talking(served) as client:
        for number in range(10):
            await client.subscribe(str(number), "subscription { ticks }")
            await client.hear()
        client.connection.transport.abort()
        assert [await asyncio.wait_for(served.story.ends.get(), 5) for _ in range(10)] == ["closed"] * 10
    assert len(served.endpoint.sockets) == 0
    assert {operation.kind for operation in served.story.operations} == {"subscription"}


async def test_a_generator_is_closed_when_its_subscription_is(served: Served) -> None:
    async with talking(served) as client:
        await client.subscribe("a", "subscription { ticks }")
        await client.hear()
        await client.say("complete", id="a")
        assert await asyncio.wait_for(served.story.ends.get(), 5) == "closed"
        await client.say("ping")
        assert await client.hear() == {"type": "pong"}


async def test_a_mutation_outlives_its_socket_and_a_query_does_not(served: Served) -> None:
    for query, end in (("{ slow }", "cancelled"), ("mutation { slow }", "done")):
        served.story.begun.clear()
        async with talking(served) as client:
            await client.subscribe("a", query)
            await asyncio.wait_for(served.story.begun.wait(), 5)
            client.connection.transport.abort()
            if end == "done":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(served.story.ends.get(), 0.3)
                assert len(served.endpoint.sockets) == 0
                served.story.go_on.set()
            assert await asyncio.wait_for(served.story.ends.get(), 5) == end


async def test_a_restart_waits_for_mutations_and_ends_the_rest(served: Served) -> None:
    async with talking(served) as client, talking(served) as idle:
        await client.subscribe("a", "mutation { slow }")
        await asyncio.wait_for(served.story.begun.wait(), 5)
        closing = asyncio.create_task(served.endpoint.sockets.close_all(1012, "Restarting."))
        assert await idle.closed() == (1012, "Restarting.")
        served.story.go_on.set()
        assert (await client.hear())["payload"] == answered({"slow": "done"})
        assert await client.hear() == {"id": "a", "type": "complete"}
        assert await client.closed() == (1012, "Restarting.")
        await closing


async def test_too_many_subscriptions_are_refused_one_by_one() -> None:
    async with serve(Limits(subscriptions_per_socket=3)) as served, talking(served) as client:
        for number in range(3):
            await client.subscribe(str(number), "subscription { ticks }")
            await client.hear()
        await client.subscribe("3", "subscription { ticks }")
        refused = await client.hear()
        assert (refused["id"], refused["type"]) == ("3", "error")
        assert refused["payload"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 1}
        await client.say("complete", id="0")
        assert await asyncio.wait_for(served.story.ends.get(), 5) == "closed"
        await client.subscribe("3", "subscription { ticks }")
        assert (await client.hear())["type"] == "next"


async def test_many_short_operations_at_once_wait_for_each_other(served: Served) -> None:
    async with talking(served) as client:
        for number in range(500):
            await client.subscribe(str(number), "{ hello }")
        heard = [await client.hear() for _ in range(1_000)]
    assert Counter(message["type"] for message in heard) == {"next": 500, "complete": 500}


async def test_10_000_subscriptions_leave_100_of_them_or_end_the_socket(served: Served) -> None:
    async with talking(served) as client, talking(served) as other:
        message = json.dumps({"type": "subscribe", "id": "%", "payload": {"query": "subscription { ticks }"}})
        with pytest.raises(ConnectionClosed):
            for number in range(10_000):
                await client.connection.send(message.replace("%", str(number)))
                if number % 100 == 0:
                    assert (
                        len(served.endpoint.sockets) < 3 and max(len(s.running) for s in served.endpoint.sockets) <= 100
                    )
            while True:
                await client.connection.recv()
        assert (client.connection.close_code, client.connection.close_reason) == (4429, "Too many messages")
        await other.subscribe("a", "{ hello }")
        assert (await other.hear())["type"] == "next"


async def test_too_many_sockets_are_closed_with_4429() -> None:
    async with serve(Limits(sockets_per_address=2)) as served, talking(served):
        async with talking(served), opened(served) as third:
            assert await third.closed() == (4429, "Too many connections")
        async with talking(served):
            assert len(served.endpoint.sockets) == 2
    async with serve(Limits(sockets_per_process=1)) as served, talking(served), opened(served) as second:
        assert await second.closed() == (4429, "Too many connections")


async def test_one_person_has_only_so_many_sockets() -> None:
    user = uuid4()
    async with serve(Limits(sockets_per_user=2)) as served, talking(served, token(user)):
        async with talking(served, token(user)), talking(served, token()), opened(served) as third:
            await third.say("connection_init", payload={"authorization": token(user)})
            assert await third.closed() == (4429, "Too many connections")
        # Those that have gone leave room, and one that was refused took none.
        async with talking(served, token(user)) as client:
            await client.subscribe("a", "{ me }")
            assert (await client.hear())["payload"] == answered({"me": str(user)})


async def test_only_so_many_operations_run_in_a_process() -> None:
    async with serve(Limits(subscriptions_per_process=2)) as served, talking(served) as one, talking(served) as other:
        for client in (one, other):
            await client.subscribe("a", "subscription { ticks }")
            await client.hear()
        await other.subscribe("b", "{ hello }")
        heard = await other.hear()
        while heard["id"] == "a":
            heard = await other.hear()
        assert (heard["type"], heard["payload"][0]["extensions"]["code"]) == ("error", "RATE_LIMITED")
        await one.say("complete", id="a")
        await until(_one_runs(served))
        await other.subscribe("c", "{ hello }")
        heard = await other.hear()
        while heard["id"] == "a":
            heard = await other.hear()
        assert heard["type"] == "next"


def _one_runs(served: Served) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return served.endpoint.sockets.running == 1

    return holds


async def test_a_message_has_a_largest_size() -> None:
    async with serve(Limits(message_bytes=1_000)) as served, talking(served) as client:
        await client.say("ping", payload={"a": "x" * 900})
        assert await client.hear() == {"type": "pong"}
        await client.say("ping", payload={"a": "x" * 1_000})
        assert await client.closed() == (1009, "A message has at most 1000 bytes")


async def test_a_reader_that_stalls_is_cut_and_its_generator_closed() -> None:
    limits = Limits(send_seconds=0.3, closing_seconds=0.2)
    async with serve(limits) as served, talking(served) as other:
        async with talking(served, max_queue=1) as client:
            begun = monotonic()
            await client.subscribe("a", "subscription { floods(size: 100000) }")
            assert await asyncio.wait_for(served.story.ends.get(), 20) == "closed"
            assert monotonic() - begun < 10
            assert len(served.endpoint.sockets) == 1
            client.connection.transport.abort()
        await other.subscribe("a", "{ hello }")
        assert (await other.hear())["type"] == "next"


async def test_nothing_is_left_behind(served: Served) -> None:
    before = asyncio.all_tasks()
    for _ in range(20):
        async with talking(served, token()) as client:
            await client.subscribe("a", "subscription { ticks }")
            await client.subscribe("b", "{ hello }")
            # One that has not begun does not end either.
            while (await client.hear())["id"] != "a":
                pass
    for _ in range(20):
        assert await asyncio.wait_for(served.story.ends.get(), 5) == "closed"
    if left := asyncio.all_tasks() - before:
        _, pending = await asyncio.wait(left, timeout=5)
        assert pending == set()
    assert len(served.endpoint.sockets) == 0
    assert served.endpoint.sockets.sessions == frozenset()
