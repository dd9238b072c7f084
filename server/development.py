"""A whole Leporello on one machine: the parts that no setting names, a demo book, and the server."""

import socket
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvicorn
from rich.console import Console

from server import demo
from server.app import App, parts_of
from server.embedded import Stack
from server.observe import logs
from server.settings import Settings
from storage.database import Database
from storage.migrations import migrate


async def run(settings: Settings, data: Path, *, with_demo: bool, options: dict[str, Any], out: Console) -> None:
    """Starts what is missing, migrates, fills the demo book, and serves until it is told to stop."""
    began = time.monotonic()
    logs.configure(json=not settings.is_development, level=settings.log_level)
    stack = Stack(
        data,
        postgres=settings.database_url is None,
        valkey=settings.redis_url is None,
        objects=settings.s3_endpoint is None,
    )
    async with stack as addresses:
        found = {name: value for name, value in asdict(addresses).items() if value is not None}
        whole = settings.model_copy(update=found)
        await prepare(whole, with_demo=with_demo)
        server = _Server(
            uvicorn.Config(App(whole), **options),
            lambda: out.print(_welcome(whole, with_demo, time.monotonic() - began)),
        )
        await server.serve()


async def prepare(settings: Settings, *, with_demo: bool) -> None:
    """Brings database and bucket to where the program needs them."""
    database = Database(str(settings.database_url), pool_size=1)
    try:
        await migrate(database)
    finally:
        await database.close()
    async with parts_of(settings) as parts:
        await parts.objects.prepare([*settings.allowed_origins, _address(settings)])
        if with_demo:
            await demo.fill(parts)


class _Server(uvicorn.Server):
    """Says so once it serves."""

    def __init__(self, config: uvicorn.Config, served: Callable[[], None]) -> None:
        super().__init__(config)
        self._served = served

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._served()


def _address(settings: Settings) -> str:
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def _welcome(settings: Settings, with_demo: bool, seconds: float) -> str:
    lines = [f"[bold]Leporello[/] is at {_address(settings)}/graphql, after {seconds:.1f} s. Ctrl+C stops it."]
    if with_demo:
        lines.append(f"The demo: {demo.EMAIL} and {demo.FRIEND}, password {demo.PASSWORD}")
    return "\n".join(lines)
