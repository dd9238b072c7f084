"""What authentication, limits and logging cost: each by itself, and of a whole request without it."""

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from statistics import median
from typing import Final

from bench import process
from bench.load import fire
from bench.loops import loops
from bench.machine import Unfit
from bench.measure import Step
from bench.report import Answer
from bench.servers import Leporello, Operation, Place
from bench.without import ALL, PARTS

_WHOLE: Final = "everything on"
_HEADS: Final = ("part", "by itself, us", "CPU of (b) without it, us", "difference, us")


class Without(Leporello):
    """This program with one part taken out; see bench/without.py."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self.name = f"Leporello without {part}"
        self._part = part

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "bench.without", self._part]


async def parts(place: Place, whole: Leporello, *, rounds: int, seconds: int, step: Step) -> Answer:
    """Interleaved rounds of the whole program and of it without each part, on the books of (b)."""
    alone = loops()
    servers: dict[str, Leporello] = {_WHOLE: whole, **{part: Without(part) for part in PARTS}}
    cpu: dict[str, list[float]] = {name: [] for name in servers}
    async with AsyncExitStack() as stack:
        for part in PARTS:
            await stack.enter_async_context(servers[part].serving(place))
        for server in servers.values():
            await _cpu(server, place, 1)
        for number in range(rounds):
            # Both ways in turn: nobody is always the one behind the whole.
            for name in [*servers][:: 1 if number % 2 else -1]:
                step(f"parts, round {number + 1}: {servers[name].name}")
                cpu[name].append(await _cpu(servers[name], place, seconds))
    for part in PARTS:
        if servers[part].process.returncode != 0:
            raise Unfit(f"{part} was not taken out: see bench/without.py.")
    alone[ALL] = sum(alone.get(part, 0) for part in PARTS)
    rows = [[_WHOLE, "", f"{median(cpu[_WHOLE]):.1f}", ""]]
    for part in dict.fromkeys((*PARTS, *alone)):
        without = f"{median(cpu[part]):.1f}" if part in cpu else ""
        rows.append([part, f"{alone[part]:.1f}", without, _difference(cpu[_WHOLE], cpu.get(part, []))])
    return Answer("What authentication, limits and logging cost", _HEADS, rows)


def _difference(whole: Sequence[float], without: Sequence[float]) -> str:
    """The median of the differences within a round, and how far they lie apart."""
    apart = [one - other for one, other in zip(whole, without, strict=False)]
    return f"{median(apart):.1f} ({min(apart):.1f} to {max(apart):.1f})" if apart else ""


async def _cpu(server: Leporello, place: Place, seconds: int) -> float:
    before = process.cpu_seconds(server.pid)
    asked = server.requests(Operation.BOOKS)
    load = await fire(server.url, asked, server.must(Operation.BOOKS), seconds=seconds, folder=place.folder)
    if load.fault:
        raise Unfit(f"{server.name}: {load.fault}")
    return (process.cpu_seconds(server.pid) - before) / load.requests * 1e6
