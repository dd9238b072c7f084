"""What the processors did between two moments: for a server, for Postgres, and for programs that are not ours."""

import os
import time

from bench.machine import busy_seconds
from bench.process import cpu_seconds

_CORES = 2


class Meter:
    """Begins when it is made, ends when `stop` is called; times in seconds."""

    server = 0.0
    database = 0.0
    #: Of the time of both cores, the part that programs took which we have not started.
    foreign = 0.0

    def __init__(self, database_pid: int, server_pid: int | None = None) -> None:
        self._database_pid = database_pid
        self._server_pid = server_pid
        self._before = self._read()

    def stop(self) -> None:
        server, database, all_of_ours, busy, now = (
            after - before for before, after in zip(self._before, self._read(), strict=True)
        )
        self.server, self.database = server, database
        self.foreign = max(busy - all_of_ours, 0) / (now * _CORES)

    def _read(self) -> tuple[float, float, float, float, float]:
        server = cpu_seconds(self._server_pid) if self._server_pid else 0.0
        return server, cpu_seconds(self._database_pid), cpu_seconds(os.getpid()), busy_seconds(), time.monotonic()
