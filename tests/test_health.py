"""What those who run the program learn of its health."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette

from server import health
from server.health import Health


class Part:
    """A part that is there or away, counts who asks, and can be slow."""

    def __init__(self) -> None:
        self.is_there = True
        self.was_asked = asyncio.Event()
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def check(self) -> bool:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        return self.is_there


def client(health: Health) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=health.routes))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def broken() -> bool:
    raise ConnectionError("postgresql://leporello:hunter2@db is away")


async def test_it_is_ready_when_every_part_answers_and_says_which_does_not() -> None:
    postgres, redis = Part(), Part()
    async with client(Health({"postgres": postgres.check, "redis": redis.check})) as probe:
        ready = await probe.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "away": []})
    assert ready.headers["cache-control"] == "no-store"

    redis.is_there = False
    checks = {"postgres": postgres.check, "redis": redis.check, "objects": broken}
    async with client(Health(checks)) as probe:
        away = await probe.get("/health/ready")
        live = await probe.get("/health/live")
    assert (away.status_code, away.json()) == (503, {"ready": False, "away": ["redis", "objects"]})
    assert (live.status_code, live.json()) == (200, {"live": True})
    assert live.headers["cache-control"] == "no-store"


async def test_a_part_that_hangs_is_away_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    hung, well = Part(), Part()
    hung.may_answer.clear()
    async with client(Health({"hung": hung.check, "well": well.check})) as probe:
        async with asyncio.timeout(5):
            answer = await probe.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "away": ["hung"]})


async def test_many_probes_ask_the_parts_once() -> None:
    part = Part()
    part.may_answer.clear()
    async with client(Health({"postgres": part.check})) as probe:
        probes = [asyncio.create_task(probe.get("/health/ready")) for _ in range(50)]
        await part.was_asked.wait()
        probes[0].cancel()
        part.may_answer.set()
        answers = await asyncio.gather(*probes[1:])
        assert {answer.status_code for answer in answers} == {200}
        part.is_there = False
        assert (await probe.get("/health/ready")).status_code == 200
    assert part.asked == 1


async def test_an_answer_is_shared_no_longer_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SHARED", 0.0)
    part = Part()
    async with client(Health({"postgres": part.check})) as probe:
        assert (await probe.get("/health/ready")).status_code == 200
        part.is_there = False
        assert (await probe.get("/health/ready")).status_code == 503
        part.is_there = True
        assert (await probe.get("/health/ready")).status_code == 200


async def test_a_program_that_is_leaving_is_alive_but_not_ready() -> None:
    part = Part()
    leaving = Health({"postgres": part.check})
    leaving.leaving()
    async with client(leaving) as probe:
        answer = await probe.get("/health/ready")
        assert (await probe.get("/health/live")).status_code == 200
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "leaving": True, "away": []})
    assert part.asked == 0


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_health_is_read_and_nothing_else(path: str) -> None:
    part = Part()
    async with client(Health({"postgres": part.check})) as probe:
        head = await probe.head(path)
        assert (head.status_code, head.content) == (200, b"")
        asked = part.asked
        for ask in (probe.post, probe.put, probe.delete):
            refused: Callable[[str], Awaitable[httpx.Response]] = ask
            assert (await refused(path)).status_code == 405
    assert part.asked == asked
