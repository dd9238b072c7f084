"""A whole Leporello on one machine: the parts that no setting names, a demo book, the server, a worker."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console

from server import demo, preparation
from server.app import App, parts_of
from server.embedded import Stack, found
from server.observe import logs
from server.serving import Server, configured
from server.settings import Settings
from server.worker import working

#: What makes the parts that run someone's own: settings that name others are not about these.
_PARTS: Final = ("database_url", "redis_url", "s3_endpoint")
_PUBLISHED: Final = (
    *_PARTS,
    *("s3_public_endpoint", "s3_bucket", "s3_region", "s3_access_key", "s3_secret_key", "s3_addressing"),
    *("secret_key", "public_url", "host", "port"),
)


async def run(settings: Settings, data: Path, *, with_demo: bool, out: Console) -> None:
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
        made: dict[str, str | None] = {name: value for name, value in asdict(addresses).items() if value is not None}
        if addresses.s3_endpoint:
            # What `.env` says of clients' addresses is for compose.yaml: nothing answers there now.
            made |= {"public_url": None, "s3_public_endpoint": None}
        whole = settings.model_copy(update={"secret_key": settings.secret_key or stack.secret("program"), **made})
        await preparation.database(whole)
        await preparation.bucket(whole)
        if with_demo:
            async with parts_of(whole) as parts:
                await demo.fill(parts)
        server = Server(
            configured(App(whole), whole),
            lambda: out.print(_welcome(whole, with_demo, time.monotonic() - began), soft_wrap=True),
        )
        with stack.published({name: getattr(whole, name) for name in _PUBLISHED}):
            async with working(whole):
                await server.serve()


def joined(settings: Settings, data: Path) -> Settings | None:
    """With the parts that a `dev` runs on this folder; None where none does, and where the settings name others."""
    there = found(data)
    if there is None or any(getattr(settings, name) not in (None, there[name]) for name in _PARTS):
        return None
    return settings.model_copy(update=there)


def _welcome(settings: Settings, with_demo: bool, seconds: float) -> str:
    lines = [f"[bold]Leporello[/] is at {settings.address}/graphql, after {seconds:.1f} s. Ctrl+C stops it."]
    if with_demo:
        lines.append(f"The demo: {demo.EMAIL} and {demo.FRIEND}, password {demo.PASSWORD}")
    if settings.is_development:
        lines.append(f"Mail goes nowhere: {settings.address}/dev/mail shows it.")
    return "\n".join(lines)
