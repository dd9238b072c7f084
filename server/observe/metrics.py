"""Counts for Prometheus, of this process alone.

Label values are bounded: an operation's name is the client's own, and each would be a series for ever.
"""

import asyncio
import math
import re
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from itertools import accumulate
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.observe.operation import Kind, Operation
from storage.connections import Connections

#: How many names of operations, beside those given, get a series of their own.
NAMES_LIMIT: Final = 100
CODES_LIMIT: Final = 40
#: Those who scrape more often than this many seconds share one answer.
SHARED: Final = 1.0
OTHER: Final = "other"
UNNAMED: Final = "unnamed"
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_name = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")


class Metrics:
    """What the program counts; `names` are the operations known beforehand, as those of our clients."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._operations = _Operations()
        self.registry.register(self._operations)
        self._names = set(names)
        self._room = len(self._names) + NAMES_LIMIT
        self._codes: set[str] = set()
        self._answer: tuple[float, bytes] = (-math.inf, b"")
        self._before: list[Callable[[], Awaitable[None]]] = []

    def count(self, operation: Operation) -> None:
        """Called, as `route` is answered, on the loop's thread alone."""
        outcome = (operation.kind, self._named(operation), self._coded(operation.code))
        self._operations.add(outcome, operation.seconds)

    def _named(self, operation: Operation) -> str:
        name = operation.name
        if name is None:
            return UNNAMED
        if name in self._names:
            return name
        # Strangers cannot use the room up: a name is learnt when someone known had success with it.
        known = operation.user_id is not None and operation.code is None
        if known and len(self._names) < self._room and _name.fullmatch(name):
            self._names.add(name)
            return name
        return OTHER

    def _coded(self, code: str | None) -> str:
        if code is None:
            return "OK"
        if code not in self._codes:
            if len(self._codes) >= CODES_LIMIT:
                return OTHER
            self._codes.add(code)
        return code

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A number that is read when it is asked for, such as how many sockets are open."""

        def told() -> float:
            try:
                return float(read())
            except Exception:  # One part that is away must not hide the figures of the others.
                return math.nan

        Gauge(f"leporello_{name}", description, registry=self.registry).set_function(told)

    def before(self, look: Callable[[], Awaitable[None]]) -> None:
        """Awaited before the figures are told, for what can only be known by asking; its errors are its own."""
        self._before.append(look)

    def counters(self, prefix: str, read: Callable[[], Mapping[str, int]]) -> None:
        """Numbers that a part counts by itself and that only grow, such as the broadcast's."""
        self.registry.register(_Counted(f"leporello_{prefix}", read))

    def labelled(self, name: str, label: str, description: str, read: Callable[[], Mapping[str, int]]) -> None:
        """One number for each value of a label, of which there are few; they only grow."""
        self.registry.register(_Labelled(f"leporello_{name}", label, description, read))

    def pool(self, engine: AsyncEngine, lean: Connections | None = None, name: str = "sql") -> None:
        """How many connections of the engine's pool are in use, and how many there may be; and of the lean ones."""
        pool = engine.sync_engine.pool
        if isinstance(pool, QueuePool):
            self.gauge(f"{name}_connections_used", "SQL connections in use.", pool.checkedout)
            self.gauge(f"{name}_connections_idle", "SQL connections open and waiting.", pool.checkedin)
            self.gauge(f"{name}_connections_size", "SQL connections that the pool keeps.", pool.size)
        if lean is not None:
            self.gauge(f"{name}_lean_connections_used", "Lean SQL connections in use.", lambda: lean.used)
            self.gauge(f"{name}_lean_connections_idle", "Lean SQL connections open and waiting.", lambda: lean.idle)
            self.gauge(f"{name}_lean_connections_size", "Lean SQL connections that there may be.", lambda: lean.size)
            self.gauge(f"{name}_lean_connections_waiting", "Who waits for one of them.", lambda: lean.waiting)

    def route(self, path: str = "/metrics") -> Route:
        return Route(path, self._respond, methods=["GET"], include_in_schema=False)

    async def _respond(self, request: Request) -> Response:
        now = time.monotonic()
        if now - self._answer[0] >= SHARED:
            await asyncio.gather(*(look() for look in self._before), return_exceptions=True)
            self._answer = (now, generate_latest(self.registry))
        media_type = "text/plain; version=0.0.4; charset=utf-8"
        return Response(self._answer[1], headers={"content-type": media_type, "cache-control": "no-store"})


class _Operations(Collector):
    """Plain numbers, which become Prometheus's when they are read: its own take a lock for every one that is added."""

    def __init__(self) -> None:
        self._ended: dict[tuple[str, str, str], int] = {}
        # A subscription lasts as long as somebody looks: that says nothing about how fast we are.
        self._took = {kind: [0] * (len(BUCKETS) + 1) for kind in ("query", "mutation")}
        self._seconds = dict.fromkeys(self._took, 0.0)

    def add(self, outcome: tuple[Kind, str, str], seconds: float) -> None:
        self._ended[outcome] = self._ended.get(outcome, 0) + 1
        kind = outcome[0]
        if kind in self._took:
            self._took[kind][bisect_left(BUCKETS, seconds)] += 1
            self._seconds[kind] += seconds

    def collect(self) -> Iterable[Metric]:
        ended = CounterMetricFamily(
            "leporello_operations",
            "GraphQL operations that ended, by their outcome.",
            labels=("kind", "name", "code"),
        )
        for outcome, count in self._ended.items():
            ended.add_metric(outcome, count)
        took = HistogramMetricFamily(
            "leporello_operation_seconds", "How long queries and mutations took.", labels=("kind",)
        )
        for kind, counts in self._took.items():
            told = zip((*map(floatToGoString, BUCKETS), "+Inf"), accumulate(counts), strict=True)
            took.add_metric((kind,), [*told], self._seconds[kind])
        return ended, took


class _Counted(Collector):
    def __init__(self, prefix: str, read: Callable[[], Mapping[str, int]]) -> None:
        self._prefix = prefix
        self._read = read

    def collect(self) -> Iterable[Metric]:
        with suppress(Exception):  # As for a gauge.
            for name, value in self._read().items():
                yield CounterMetricFamily(f"{self._prefix}_{name}", f"{name.replace('_', ' ')}.", value=value)


class _Labelled(Collector):
    def __init__(self, name: str, label: str, description: str, read: Callable[[], Mapping[str, int]]) -> None:
        self._of = (name, description, label)
        self._read = read

    def collect(self) -> Iterable[Metric]:
        name, description, label = self._of
        told = CounterMetricFamily(name, description, labels=(label,))
        with suppress(Exception):  # As for a gauge.
            for value, count in self._read().items():
                told.add_metric((value,), count)
        yield told
