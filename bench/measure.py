"""The rounds: in each, every server is asked the same for some seconds, one after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import process, seed
from bench.load import CONNECTIONS, Load, fire
from bench.meter import Meter
from bench.pgbench import Script, rate
from bench.servers import MOVES, WRITES, Operation, Place, Server

Step = Callable[[str], None]
PGBENCH: Final = "pgbench, the same SQL"
_CHECKED_SECONDS: Final = 2
"""Before the first round: every answer is read, and the server's own compiler warms up."""
_SIZE_TOLERANCE: Final = 0.03
"""By how much the answers of a timed run may be smaller or larger than those that were read: a seq gains digits."""


@dataclass(frozen=True)
class Sample:
    """One run of one server. CPU in microseconds of one request, memory in bytes, times in seconds."""

    operation: Operation
    server: str
    round: int
    rate: float
    cpu: float = 0
    database_cpu: float = 0
    resident: int = 0
    p50: float = 0
    p99: float = 0
    #: See Meter.
    foreign: float = 0
    fault: str = ""


class Measurement:
    """Servers that run, and what was measured of them."""

    def __init__(
        self, servers: Sequence[Server], operations: Sequence[Operation], place: Place, database_pid: int
    ) -> None:
        self._servers = servers
        self._operations = operations
        self._place = place
        self._database_pid = database_pid
        self._sizes: dict[tuple[Operation, str], float] = {}
        self.samples: list[Sample] = []

    @property
    def pairs(self) -> list[tuple[Operation, Server]]:
        return [(one, server) for one in self._operations for server in self._servers if server.requests(one)]

    async def warm_up(self, step: Step) -> None:
        """Reads every answer under load, for as long as it takes compilers to notice."""
        for operation, server in self.pairs:
            step(f"warming up: {server.name} ({operation})")
            load = await self._fire(server, operation, _CHECKED_SECONDS, check=True)
            self._sizes[operation, server.name] = load.bytes_each
            if load.fault:
                self.samples.append(Sample(operation, server.name, -1, 0, fault=load.fault))

    async def round(self, number: int, seconds: int, scripts: Mapping[Operation, Script], step: Step) -> None:
        for operation in self._operations:
            # Nobody is always the first after a pause, or always behind the same one.
            first = number % len(self._servers)
            for server in [*self._servers[first:], *self._servers[:first]]:
                if server.requests(operation):
                    step(f"round {number + 1}: {server.name} ({operation})")
                    self.samples.append(await self._sample(number, server, operation, seconds))
            if operation in scripts:
                step(f"round {number + 1}: pgbench ({operation})")
                self.samples.append(await self._pgbench(number, operation, scripts[operation], seconds))
            if operation in WRITES:
                await seed.refresh(self._place.database_url)

    async def _sample(self, number: int, server: Server, operation: Operation, seconds: int) -> Sample:
        await self._fire(server, operation, 1)
        journal = await seed.journal(self._place.database_url)
        meter = Meter(self._database_pid, server.pid)
        load = await self._fire(server, operation, seconds)
        meter.stop()
        journal = await seed.journal(self._place.database_url) - journal
        count = max(load.requests, 1)
        return Sample(
            operation,
            server.name,
            number,
            load.requests / load.seconds,
            meter.server / count * 1e6,
            meter.database / count * 1e6,
            process.resident_bytes(server.pid),
            load.p50,
            load.p99,
            meter.foreign,
            load.fault or self._strange_size(operation, server, load) or _unwritten(operation, load, journal),
        )

    async def _pgbench(self, number: int, operation: Operation, script: Script, seconds: int) -> Sample:
        meter = Meter(self._database_pid)
        tps = await rate(script, self._place.database_url, seconds=seconds, folder=self._place.folder)
        meter.stop()
        each = meter.database / (tps * seconds) * 1e6
        return Sample(operation, PGBENCH, number, tps, database_cpu=each, foreign=meter.foreign)

    async def _fire(self, server: Server, operation: Operation, seconds: int, *, check: bool = False) -> Load:
        folder: Path = self._place.folder
        requests = server.requests(operation)
        return await fire(server.url, requests, server.must(operation), seconds=seconds, folder=folder, check=check)

    def _strange_size(self, operation: Operation, server: Server, load: Load) -> str:
        expected = self._sizes.get((operation, server.name), load.bytes_each)
        # What was under way when the time was over has sent a part of its bytes.
        if abs(load.bytes_each - expected) <= _SIZE_TOLERANCE * expected + 40 * expected / max(load.requests, 1):
            return ""
        return f"answers of {load.bytes_each:,.0f} bytes, where those that were read had {expected:,.0f}"


def _unwritten(operation: Operation, load: Load, rows: int) -> str:
    """Each move is a row in the journal; so may be those that were under way at the end, and when it began."""
    if operation not in MOVES or load.requests <= rows <= load.requests + 2 * CONNECTIONS:
        return ""
    return f"{rows:,} journal rows of {load.requests:,} requests"
