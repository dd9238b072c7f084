"""A new document's turn: many of one caller's keep nobody else waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx
import pytest

from models.refusal import RateLimited, Unavailable
from schema.plan.plan import Plan
from server.graphql import Entrance, Limits
from server.graphql.asked import Asked
from server.graphql.documents import Document, Documents, turns
from server.graphql.documents.turns import Turns
from server.graphql.operating import Answer, Operating, begun
from tests.served import Served, serve, token
from tests.sockets import until
from tests.test_graphql_socket import Client, talking

#: Of one caller, at once.
FLOOD = 200


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    # Nobody is to wait too long, however slow the machine is.
    monkeypatch.setattr(turns, "WAIT", 60)
    async with serve() as served:
        yield served


def asking(served: Served, name: str, *, token: str | None = None, address: str = "10.0.0.1") -> asyncio.Task[Answer]:
    """A new document of a caller, to be found among the operations by its name."""
    entrance = Entrance(token, "a" * 32, address, None)
    asked = Asked.of({"query": f"query {name} {{ hello }}"})
    return asyncio.create_task(Operating(served.endpoint.means, asked, entrance, "http").answer())


async def passed(times: int = 20) -> None:
    """Everybody has gone as far as they can without the turn."""
    for _ in range(times):
        await asyncio.sleep(0)


async def wait(held: Turns, count: int) -> None:
    """Until so many wait."""

    async def holds() -> bool:
        return held.waiting == count

    await until(holds, within=10)


async def have(held: Turns, caller: Hashable, had: list[Hashable]) -> None:
    async with held.of(caller):
        had.append(caller)
        await asyncio.sleep(0)


async def come(held: Turns, callers: str) -> list[Hashable]:
    """Who had the turn, in their order, when these asked at once."""
    had: list[Hashable] = []
    await asyncio.gather(*(have(held, caller, had) for caller in callers))
    return had


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_a_flood_of_one_keeps_nobody_else_waiting(served: Served, is_signed_in: bool) -> None:
    ada, ben = (token() if is_signed_in else None for _ in range(2))
    # Who is signed in is known wherever they are; others are known by where they are.
    adas, bens = (["10.0.0.1", "10.0.0.2"], "10.0.0.1") if is_signed_in else (["10.0.0.1"], "10.0.0.2")
    flood = [asking(served, f"A{each}", token=ada, address=adas[each % len(adas)]) for each in range(FLOOD)]
    answers = await asyncio.gather(*flood, asking(served, "B", token=ben, address=bens))
    assert [answer.code for answer in answers] == [None] * (FLOOD + 1)
    names = [operation.name for operation in served.story.operations]
    assert len(names) == FLOOD + 1
    assert names.index("B") <= 3


async def over_http(served: Served, stack: AsyncExitStack, names: Sequence[str], token: str) -> None:
    async def post(name: str) -> None:
        answer = await http.post("/graphql", json={"query": f"query {name} {{ hello }}"})
        assert answer.json()["data"] == {"hello": "Hello, world!"}

    # As many connections as there are requests.
    options: Any = {"headers": {"authorization": f"Bearer {token}"}, "limits": httpx.Limits(), "verify": False}
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", **options))
    posting = await stack.enter_async_context(asyncio.TaskGroup())
    for name in names:
        posting.create_task(post(name))


async def over_websockets(served: Served, stack: AsyncExitStack, names: Sequence[str], token: str) -> None:
    at_once = served.endpoint.limits.subscriptions_per_socket
    for first in range(0, len(names), at_once):
        client, some = await stack.enter_async_context(talking(served, token)), names[first : first + at_once]
        for name in some:
            await client.subscribe(name, f"query {name} {{ hello }}")
        stack.push_async_callback(hear, client, 2 * len(some))


async def hear(client: Client, times: int) -> None:
    assert {(await client.hear())["type"] for _ in range(times)} == {"next", "complete"}


@pytest.mark.parametrize("ask", [over_http, over_websockets])
async def test_nor_does_one_that_is_still_to_be_read(served: Served, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read, reading = dict[str, None](), Documents.read

    def noting(documents: Documents, text: str, id: str | None = None) -> Document:
        read.setdefault(text)
        return reading(documents, text, id)

    monkeypatch.setattr(Documents, "read", noting)
    held, operations = served.endpoint.means.documents.turns, served.story.operations
    async with AsyncExitStack() as stack, held.of("somebody"):
        await ask(served, stack, [f"A{each}" for each in range(FLOOD)], token())
        await wait(held, FLOOD)
        await ask(served, stack, ["B"], token())
        await wait(held, FLOOD + 1)
        assert not read
    names = [operation.name for operation in operations]
    assert len({*names}) == FLOOD + 1
    assert names.index("B") <= 3
    assert [*read].index("query B { hello }") <= 3


async def test_others_come_in_between_those_that_are_read(served: Served) -> None:
    means, nobody = served.endpoint.means, Entrance(None, "a" * 32, None, None)
    new = [Asked.of({"query": f"query A{each} {{ hello }}"}) for each in range(3)]
    reading = [asyncio.create_task(begun(means, asked, nobody, "websocket")) for asked in new]
    await asyncio.sleep(0)
    assert means.documents.misses == 1
    assert [operation.operation.name for operation in await asyncio.gather(*reading)] == ["A0", "A1", "A2"]


async def test_callers_come_in_rotation_and_each_in_their_order() -> None:
    assert await come(Turns(), "aaaaabbc") == [*"aabcabaa"]


async def test_one_caller_has_so_many_waiting_and_others_have_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_EACH", 2)
    held, had = Turns(), list[Hashable]()
    async with held.of("a"):
        waiting = [asyncio.create_task(have(held, caller, had)) for caller in "aab"]
        await passed()
        with pytest.raises(RateLimited) as refused:
            await have(held, "a", had)
    assert refused.value.extensions == {"code": "RATE_LIMITED", "retryAfter": 1}
    await asyncio.gather(*waiting)
    assert had == [*"aba"]


async def test_all_together_have_so_many_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING", 2)
    held, had = Turns(), list[Hashable]()
    async with held.of("a"):
        waiting = [asyncio.create_task(have(held, caller, had)) for caller in "bc"]
        await passed()
        with pytest.raises(Unavailable, match="Too many new documents"):
            await have(held, "d", had)
    await asyncio.gather(*waiting)
    assert had == [*"bc"]
    # Who has had the turn waits no more.
    assert await come(held, "def") == [*"def"]


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT", 0)
    held, had = Turns(), list[Hashable]()
    async with held.of("a"):
        with pytest.raises(Unavailable, match="too long"):
            await have(held, "b", had)
    assert await come(held, "c") == ["c"]
    assert had == []


async def test_who_leaves_gives_their_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_EACH", 1)
    monkeypatch.setattr(turns, "WAITING", 1)
    held, had = Turns(), list[Hashable]()
    async with held.of("a"):
        leaving = asyncio.create_task(have(held, "b", had))
        await passed()
        leaving.cancel()
        await asyncio.wait([leaving])
        staying = asyncio.create_task(have(held, "b", had))
        await passed()
        assert not staying.done()
    await staying
    assert (leaving.cancelled(), had) == (True, ["b"])


@pytest.mark.parametrize("is_next", [True, False])
async def test_who_leaves_as_the_turn_comes_passes_it_on(is_next: bool) -> None:
    held, had = Turns(), list[Hashable]()
    async with held.of("a"):
        leaving, staying = (asyncio.create_task(have(held, caller, had)) for caller in "bc")
        await passed()
        if not is_next:
            leaving.cancel()
    if is_next:
        leaving.cancel()
    await asyncio.wait([leaving, staying])
    assert (leaving.cancelled(), had) == (True, ["c"])
    assert await come(held, "d") == ["d"]


async def test_a_client_that_has_gone_waits_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_EACH", 1)
    held = served.endpoint.means.documents.turns
    async with held.of("somebody"):
        async with httpx.AsyncClient() as client:
            leaving = asyncio.create_task(client.post(served.url, json={"query": "query Left { hello }"}))
            await wait(held, 1)
            refused = await served.ask("query Refused { hello }")
            assert refused["errors"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 1}
            leaving.cancel()
            await asyncio.wait([leaving])
        await wait(held, 0)
        staying = asyncio.create_task(served.ask("query Staying { hello }"))
        await wait(held, 1)
    assert (await staying)["data"] == {"hello": "Hello, world!"}


async def test_the_time_of_an_operation_begins_with_its_turn() -> None:
    async with serve(Limits(query_seconds=0)) as served:
        async with served.endpoint.means.documents.turns.of("somebody"):
            late = asking(served, "Late")
            await passed()
            assert not late.done()
        assert (await late).code == "UNAVAILABLE"


async def test_whoever_leaves_while_it_is_planned_has_the_turn_to_its_end(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    said: list[str] = []
    prepare = Plan.prepare

    def slowly(plan: Plan) -> None:
        said.append("begun")
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(60)
        prepare(plan)
        said.append("ended")

    monkeypatch.setattr(Plan, "prepare", slowly)
    leaving, staying = asking(served, "Leaving"), asking(served, "Staying")
    await begun.wait()
    leaving.cancel()
    await passed()
    assert not leaving.done()
    go_on.set()
    with suppress(asyncio.CancelledError):
        await leaving
    assert (leaving.cancelled(), (await staying).code) == (True, None)
    assert said == ["begun", "ended"] * 2
