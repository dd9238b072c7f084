"""The programs in C, made anew for each run: the load, the feed, and a server that only sends."""

import asyncio
import importlib.util
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.machine import Unfit

_SOURCES: Final = Path(__file__).parent / "load"
_COMPILERS: Final = ("cc", "gcc", "clang")
_FLAGS: Final = ("-O2", "-std=gnu11", "-Wall", "-Wextra")
_PARTS: Final = {
    "client": ("client", "follower", "opening", "saying", "wire", "message", "tally", "histogram"),
    "feed": ("feed", "asking"),
    "blast": ("blast", "wire"),
}


@dataclass(frozen=True)
class Programs:
    """Where they are."""

    client: Path
    feed: Path
    blast: Path


async def built(folder: Path) -> Programs:
    """Raises Unfit, with the compiler's words, where they cannot be made."""
    compiler = compiler_here()
    if compiler is None:
        raise Unfit(
            f"A C compiler is missing, one of {', '.join(_COMPILERS)}: `apt-get install gcc libc6-dev`. "
            "Without root, `pip install ziglang` (400 MB) has one."
        )
    return Programs(**{name: await _made(compiler, folder, name) for name in _PARTS})


def compiler_here() -> list[str] | None:
    """The words to call it with."""
    found = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if found is not None:
        return [found]
    return [sys.executable, "-m", "ziglang", "cc"] if importlib.util.find_spec("ziglang") else None


async def _made(compiler: list[str], folder: Path, name: str) -> Path:
    target = folder / f"live-{name}"
    sources = [str(_SOURCES / f"{part}.c") for part in _PARTS[name]]
    words = (*compiler, *_FLAGS, "-o", str(target), *sources)
    compiling = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=STDOUT)
    said = (await compiling.communicate())[0].decode(errors="replace")
    if compiling.returncode != 0 or said:
        raise Unfit(f"{compiler[-1]} does not make {name}: {said[-2_000:]}")
    return target
