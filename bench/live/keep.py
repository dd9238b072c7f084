"""What was found, kept in docs/benchmarks.md with what it was found on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

import orjson

from bench import machine
from bench.install import versions
from bench.keep import PAGE
from bench.report import Answer
from bench.servers.peers import FOLDER

_OURS: Final = ("strawberry-graphql", "graphql-core", "asyncpg", "uvicorn", "uvloop", "websockets")
_THEIRS: Final = ("graphql-yoga", "graphql-ws", "ws", "elysia")


async def append(answers: Sequence[Answer], seconds: float) -> None:
    """Adds a section to the page; what stands there stays."""
    packages = orjson.loads((FOLDER / "package.json").read_bytes())["dependencies"]
    ours = ((name, metadata.version(name)) for name in _OURS)
    named = (*(await versions()).items(), *ours, *((name, packages[name]) for name in _THEIRS))
    lines = [
        f"## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, live",
        "",
        f"{machine.description()}. {seconds:g} s at each rate.",
        "",
        ", ".join(f"{name} {version}" for name, version in named) + ".",
        "",
        *(answer.markdown() for answer in answers),
    ]
    with PAGE.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines).rstrip() + "\n")
