"""What the load itself can take: from a server that does nothing but send."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import process
from bench.live.build import Programs
from bench.live.client import Following, following
from bench.live.program import speaking
from bench.live.servers import MESSAGE_BYTES
from bench.machine import SERVER_CORE, Unfit

#: Frames in one write: from a server that sends each alone, to one that has fallen behind.
MERGED: Final = (1, 4, 16)
_EVENTS: Final = 500
_LIMIT: Final = 60.0
"""Seconds for all of them to be sent, and to come."""


@dataclass(frozen=True)
class Ceiling:
    """CPU in microseconds of one delivery."""

    sockets: int
    merged: int
    delivered: float
    client_cpu: float


async def ceilings(programs: Programs, sockets: int, folder: Path) -> Sequence[Ceiling]:
    """Raises Unfit when something is missing in what came."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    found = []
    words = ("taskset", "-c", str(SERVER_CORE), str(programs.blast), str(port), str(sockets), str(MESSAGE_BYTES))
    async with speaking(words) as blast:
        await blast.hear("listening", _LIMIT)
        how = Following("/graphql", ["{}"], "{}")
        async with following(programs.client, port, how, sockets, folder) as client:
            blast.say("go 1 1")
            await blast.hear("sent", _LIMIT)
            await client.all_have_heard(_LIMIT)
            for merged in MERGED:
                await client.begin()
                before = process.cpu_seconds(client.pid)
                # As long each time, however fast it goes.
                blast.say(f"go {_EVENTS * merged} {merged}")
                sent = int(await blast.hear("sent", _LIMIT))
                come = await client.end(sent, _LIMIT)
                if come.events != sent or come.gaps or come.repeats:
                    raise Unfit(f"The load has counted {come.events:,} of {sent:,}, with {come.gaps} gaps.")
                cpu = (process.cpu_seconds(client.pid) - before) / sent * 1e6
                found.append(Ceiling(sockets, merged, (sent - sockets) / (come.coming / 1e6), cpu))
    return found
