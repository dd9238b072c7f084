"""What was found, kept in docs/benchmarks.md with what it was found on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

import orjson

from bench import machine
from bench.install import versions
from bench.report import Answer
from bench.servers.peers import FOLDER

PAGE: Final = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_OURS: Final = ("strawberry-graphql", "graphql-core", "asyncpg", "sqlalchemy", "uvicorn", "uvloop", "orjson")
_THEIRS: Final = ("mercurius", "fastify", "graphql-yoga", "postgraphile", "elysia", "pg", "postgres")


async def append(answers: Sequence[Answer], *, rounds: int, seconds: int) -> None:
    """Adds a section to the page; what stands there stays."""
    now = datetime.now(UTC)
    lines = [
        f"## {now:%Y-%m-%d %H:%M} UTC",
        "",
        f"{machine.description()}. Medians of {rounds} runs of {seconds} s each.",
        "",
        f"{await _versions()}.",
        "",
        *(answer.markdown() for answer in answers),
    ]
    with PAGE.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines).rstrip() + "\n")


async def _versions() -> str:
    packages = orjson.loads((FOLDER / "package.json").read_bytes())["dependencies"]
    ours = ((name, metadata.version(name)) for name in _OURS)
    theirs = ((name, packages[name]) for name in _THEIRS)
    named = (*(await versions()).items(), *ours, *theirs)
    return ", ".join(f"{name} {version}" for name, version in named)
