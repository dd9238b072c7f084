"""`leporello worker`: a worker with parts of its own, until it is told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from resolvers.jobs import REGISTRY
from server import collector
from server.app import parts_of
from server.observe import tracing
from server.observe.lag import Lag
from server.observe.statements import instrument
from server.settings import Settings
from server.worker.worker import Worker

_log = structlog.get_logger("jobs")


@asynccontextmanager
async def working(settings: Settings, beat: Path | None = None) -> AsyncIterator[asyncio.Task[None]]:
    """A worker beside whatever else the block does; the task ends before the block does only by a mistake of ours."""
    async with parts_of(settings) as parts:
        await parts.pictures.start()
        worker = Worker(parts, REGISTRY, at_once=settings.jobs_at_once, beat=beat)
        if settings.otel_exporter_otlp_endpoint:
            instrument(parts.database.engine, parts.database.connections)
        task = asyncio.create_task(worker.run(), name="worker")
        try:
            yield task
        finally:
            worker.stop()
            await task


async def run(settings: Settings, beat: Path | None = None) -> None:
    """Works until SIGTERM or SIGINT."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    provider = tracing.configure(settings.otel_exporter_otlp_endpoint)
    async with Lag(), working(settings, beat) as task:
        _log.info("the worker runs", at_once=settings.jobs_at_once)
        stopping = asyncio.create_task(told.wait())
        with collector.patient():
            await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
    if provider is not None:
        await asyncio.to_thread(provider.shutdown)
    _log.info("the worker has stopped")
