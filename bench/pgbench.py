"""pgbench with the same SQL as ours, on the core of the load: what is left when there is no server."""

import asyncio
import re
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from bench.machine import LOAD_CORE, Unfit
from bench.servers.server import POOL
from server.embedded import wheels

_RATE: Final = re.compile(r"tps = ([0-9.]+)")
#: A colon before a name, which is no cast.
_COLON: Final = re.compile(r"(?<!:):\w")
_FAILED: Final = re.compile(r"number of failed transactions: ([1-9]\d*)")


@dataclass(frozen=True)
class Script:
    """A statement of ours, for one set of its values."""

    sql: str
    values: Sequence[Any]

    def text(self) -> str:
        """With pgbench's variables in place of parameters; it has no null, which is written out. Raises Unfit."""
        if _COLON.search(self.sql):
            raise Unfit("pgbench would take a part of the SQL for one of its variables.")

        def place(match: re.Match[str]) -> str:
            value = self.values[int(match[1]) - 1]
            return "NULL" if value is None else f":p{match[1]}"

        return re.sub(r"\$(\d+)", place, self.sql).strip().rstrip(";").replace("\n", " ") + ";\n"

    def definitions(self) -> list[str]:
        values = enumerate(self.values, 1)
        return [f"--define=p{place}={_shown(value)}" for place, value in values if value is not None]


async def rate(script: Script, database_url: str, *, seconds: int, folder: Path) -> float:
    """Transactions a second, on as many connections as a server has. Raises Unfit."""
    file = folder / "statement.sql"
    file.write_text(script.text())
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", str(LOAD_CORE), str(wheels.postgres("pgbench"))),
        *("--no-vacuum", "--protocol=prepared", f"--client={POOL}", "--jobs=1", f"--time={seconds}"),
        *(*script.definitions(), f"--file={file}"),
        database_url,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        output = (await process.communicate())[0].decode(errors="replace")
    finally:
        if process.returncode is None:
            process.kill()
    found = _RATE.search(output)
    if process.returncode or not found or _FAILED.search(output):
        raise Unfit(f"pgbench failed: {output[-1_000:]}")
    return float(found[1])


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list | tuple):
        return "{" + ",".join(map(_shown, value)) + "}"
    if isinstance(value, int | float | str | UUID | datetime):
        return str(value)
    raise Unfit(f"pgbench cannot be given a {type(value).__name__}.")
