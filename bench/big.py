"""A 10 MB answer, again and again: how long it holds the loop, and what stays in memory."""

import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

import httpx
import orjson

from bench import process, seed
from bench.measure import Step
from bench.report import INVALID, Answer
from bench.servers import Leporello, Place
from bench.servers.leporello import authorization
from bench.servers.server import post
from bench.watched import PATH
from models.id import outside

TIMES: Final = 200
_LOOKS: Final = (1, 20, 50, 100, 150, 200)
"""After how many answers the memory is looked at."""
_PATIENCE: Final = 60.0
_HEADS: Final = ("10 MB answers", "loop held, ms", "at most", "of it by us", "at most", "idle", "MB after")


class Watched(Leporello):
    name = "Leporello-watched"

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "bench.watched"]


async def big(place: Place, *, times: int, step: Step) -> Answer:
    """Raises nothing for an answer that is refused: the table says so."""
    server = Watched()
    async with server.serving(place), httpx.AsyncClient(base_url=server.url, timeout=_PATIENCE) as http:
        await _held(http)
        began = time.monotonic()
        while time.monotonic() - began < 1:
            await http.get("/health/live")
        idle, _ = await _held(http)
        request = post("big", {"id": outside("bk", seed.BIG)}, authorization())
        held, memory, size = [], [f"0: {_megabytes(server):,.0f}"], 0
        for number in range(1, times + 1):
            step(f"big: answer {number} of {times}")
            response = await http.post(request.path, headers=request.headers, content=orjson.dumps(request.body))
            if response.status_code != 200 or b'"errors"' in response.content[:200]:
                fault = f"Answer {number} is {response.status_code} {response.text[:300]}"
                return Answer("A 10 MB answer", _HEADS, [[*[""] * (len(_HEADS) - 1), INVALID]], [fault])
            size = len(response.content)
            held.append(await _held(http))
            if number in _LOOKS:
                memory.append(f"{number}: {_megabytes(server):,.0f}")
    lags, works = zip(*held, strict=True)
    times_held = (median(lags), max(lags), median(works), max(works), idle)
    row = [f"{times} of {size / 1e6:.1f} MB", *map(_ms, times_held), ", ".join(memory)]
    return Answer("A 10 MB answer", _HEADS, [row])


async def _held(http: httpx.AsyncClient) -> tuple[float, float]:
    """The longest lag of the loop since this was last asked, and the longest work."""
    lag, work = orjson.loads((await http.get(PATH)).content)
    return lag, work


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f}"


def _megabytes(server: Leporello) -> float:
    return process.resident_bytes(server.pid) / 2**20
