"""What was found, kept in docs/benchmarks.md with what it was found on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Final

from bench import machine
from bench.install import versions
from bench.keep import PAGE
from bench.report import Answer

_OURS: Final = ("argon2-cffi", "cryptography", "pyjwt", "strawberry-graphql", "asyncpg", "sqlalchemy", "uvicorn")
_THEIRS: Final = ("PostgreSQL", "Valkey", "Python")


async def append(answers: Sequence[Answer]) -> None:
    """Adds a section to the page; what stands there stays."""
    theirs = await versions()
    named = (*((name, theirs[name]) for name in _THEIRS), *((name, metadata.version(name)) for name in _OURS))
    lines = [
        f"## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, accounts",
        "",
        f"{machine.description()}.",
        "",
        ", ".join(f"{name} {version}" for name, version in named) + ".",
        "",
        *(answer.markdown() for answer in answers),
    ]
    with PAGE.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines).rstrip() + "\n")
