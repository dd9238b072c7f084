"""A hundred sign-ins at once, and what becomes of those who only read meanwhile."""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import orjson

from bench.accounts.asking import BOOK, BOOK_ID, VIEWER, Asker
from bench.accounts.figures import median, percentile
from bench.accounts.house import House
from bench.live.program import Program, speaking
from bench.machine import LOAD_CORE, SERVER_CORE, Unfit
from bench.report import Answer
from bench.servers.leporello import authorization

#: Seconds between two reads of a kind: each is timed from when it was due, however long the one before took.
_EVERY: Final = 0.02
#: Seconds that all may take to come in.
_PATIENCE: Final = 300.0
_READS: Final[dict[str, tuple[str, Any]]] = {"viewer": (VIEWER, None), "a book, 30 kB": (BOOK, {"id": BOOK_ID})}
_HEADS: Final = (
    *("read", "p50 alone, ms", "p50 meanwhile", "x", "p99 alone", "p99 meanwhile", "x", "at most", ""),
    *("reads", "all in after, s", "a sign-in, p50 s"),
)
_MOST: Final = 2.0
_PLACES: Final = {
    "the program on one core": [SERVER_CORE],
    "the program on both cores, with Postgres and the load": [SERVER_CORE, LOAD_CORE],
}
Seconds = dict[str, list[float]]


async def crowd(house: House, people: int, rounds: int) -> list[Answer]:
    """In each place, so many rounds: while they come in, and as long without them, before and after."""
    answers = []
    async with speaking([sys.executable, "-m", "bench.accounts.entering", house.program.url]) as entering:
        await _enter(house, entering, 2)
        for where, cores in _PLACES.items():
            house.program.move(cores)
            found = [await _round(house, entering, people) for _ in range(rounds)]
            rows = [_row(name, found) for name in _READS]
            answers.append(Answer(f"{people} sign-ins at once, {rounds} times; {where}", _HEADS, rows))
    house.program.move([SERVER_CORE])
    return answers


async def _round(house: House, entering: Program, people: int) -> tuple[Seconds, Seconds, list[float]]:
    """Of reads alone and meanwhile, and of the sign-ins."""
    coming = asyncio.create_task(_enter(house, entering, people))
    meanwhile = await _read(house, coming)
    signed = await coming
    alone = await _read(house, asyncio.create_task(asyncio.sleep(max(signed))))
    return alone, meanwhile, signed


def _row(name: str, rounds: Sequence[tuple[Seconds, Seconds, list[float]]]) -> list[str]:
    figures = {
        how: ([how_many(alone[name]) for alone, _, _ in rounds], [how_many(busy[name]) for _, busy, _ in rounds])
        for how, how_many in (("p50", median), ("p99", lambda values: percentile(values, 99)))
    }
    cells, ratio = [], 0.0
    for alone, meanwhile in figures.values():
        ratio = median(busy / idle for idle, busy in zip(alone, meanwhile, strict=True))
        cells += [f"{median(alone) * 1e3:.1f}", f"{median(meanwhile) * 1e3:.1f}", f"{ratio:.2f}"]
    return [
        name,
        *cells,
        f"{_MOST:.0f}",
        "missed" if ratio > _MOST else "",
        f"{sum(len(busy[name]) for _, busy, _ in rounds):,}",
        f"{median(max(signed) for _, _, signed in rounds):.1f}",
        f"{median(median(signed) for _, _, signed in rounds):.1f}",
    ]


async def _enter(house: House, entering: Program, people: int) -> list[float]:
    entering.say(" ".join(map(str, house.numbers(people))))
    said = orjson.loads("{" + await entering.hear("{", _PATIENCE))
    if said["refused"]:
        raise Unfit(f"{len(said['refused'])} of {people} sign-ins were refused: {said['refused'][0]}")
    seconds: list[float] = said["seconds"]
    return seconds


async def _read(house: House, until: asyncio.Task[Any]) -> Seconds:
    """Until that is done. Each kind on a connection of its own, half a turn apart."""
    names = [*_READS]
    kinds = (_each(house.asker(), name, number * _EVERY / 2, until) for number, name in enumerate(names))
    return dict(zip(names, await asyncio.gather(*kinds), strict=True))


async def _each(asker: Asker, name: str, later: float, until: asyncio.Task[Any]) -> list[float]:
    document, variables = _READS[name]
    token = authorization()["authorization"].removeprefix("Bearer ")
    seconds: list[float] = []
    due = time.perf_counter() + later
    while not until.done():
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        answer = await asker.ask(document, variables, token)
        seconds.append(time.perf_counter() - due)
        if answer.codes:
            raise Unfit(f"A read was refused: {answer.codes}")
        due += _EVERY
    return seconds
