"""Many sockets that wait, each with its subscription: what they hold of the server's memory."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from bench import process
from bench.live.build import Programs
from bench.live.client import following
from bench.live.feed import Feed
from bench.live.ladder import all_follow
from bench.live.servers import Followed
from bench.servers import Place

_HOLD: Final = 12.0
"""Seconds that they stay: longer than the server takes to ping each of them."""


@dataclass(frozen=True)
class Idle:
    """Memory in bytes, CPU in the part of a core, while nothing happens."""

    server: str
    sockets: int
    opened_in: float
    empty: int
    full: int
    cpu: float
    closed: int


async def idle(programs: Programs, server: Followed, place: Place, sockets: int) -> Idle:
    """Each has heard one event, so that its subscription stands."""
    feed = Feed(programs.feed, server.feeding(place), place.folder)
    how = await server.following(place)
    empty, began = process.resident_bytes(server.pid), time.monotonic()
    async with following(programs.client, server.port, how, sockets, place.folder) as client:
        opened_in = time.monotonic() - began
        await all_follow(client, feed)
        await client.begin()
        before, began = process.cpu_seconds(server.pid), time.monotonic()
        await asyncio.sleep(_HOLD)
        cpu = (process.cpu_seconds(server.pid) - before) / (time.monotonic() - began)
        full = process.resident_bytes(server.pid)
        come = await client.end(0, 0)
    return Idle(server.name, sockets, opened_in, empty, full, cpu, come.closed)
