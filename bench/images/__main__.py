"""`make bench-images`: photos a second, medians over the rounds."""

import asyncio
import resource
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer
from rich.console import Console

from bench import machine
from bench.images.photos import made
from bench.images.ways import PLAIN, WAYS
from bench.images.whole import whole
from bench.report import Answer

_HEADS: Final = ("way", "photos/s", "CPU ms a photo", "time, x plain", "CPU, x plain")
_WHOLE: Final = "from completeUploads to READY"
out = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def main(
    photos: Annotated[int, typer.Option(min=1, help="How many photos.")] = 100,
    at_once: Annotated[int, typer.Option(min=1, help="How many processes side by side.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="How often, in turns.")] = 5,
) -> None:
    """Makes the sizes of photos of 3 MB, in each way in turn from local files, and from the bucket to READY."""
    with TemporaryDirectory(prefix="leporello-bench-") as folder:
        asyncio.run(_measure(Path(folder), photos, at_once, rounds))


async def _measure(folder: Path, number: int, at_once: int, rounds: int) -> None:
    photos = made(folder, number)
    size = sum(photo.stat().st_size for photo in photos) / number / 1e6
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    resident: list[int] = []
    for turn in range(rounds):
        # Another one begins each time.
        names = [*WAYS][turn % len(WAYS) :] + [*WAYS][: turn % len(WAYS)]
        for name in names:
            before, began = _cpu(), time.perf_counter()
            await WAYS[name](photos, at_once, folder)
            taken[name].append((time.perf_counter() - began, _cpu() - before))
        with TemporaryDirectory(prefix="leporello-bench-") as own:
            done = await whole(photos, Path(own))
        taken.setdefault(_WHOLE, []).append((done.seconds, done.cpu))
        resident.append(done.resident)
    title = f"{number} photos of {size:.1f} MB, {at_once} at a time, medians of {rounds} rounds"
    Answer(title, _HEADS, [_row(name, each, taken[PLAIN], number) for name, each in taken.items()]).show(out)
    out.print(f"The worker itself had at most {max(resident) / 2**20:.0f} MiB.")
    out.print(machine.description())


def _row(name: str, taken: list[tuple[float, float]], plain: list[tuple[float, float]], number: int) -> list[str]:
    seconds, cpu = zip(*taken, strict=True)
    ratios = [(one[0] / base[0], one[1] / base[1]) for one, base in zip(taken, plain, strict=True)]
    clock, work = zip(*ratios, strict=True)
    figures = (number / median(seconds), median(cpu) / number * 1e3)
    return [name, f"{figures[0]:.1f}", f"{figures[1]:.0f}", f"{median(clock):.2f}", f"{median(work):.2f}"]


def _cpu() -> float:
    """Seconds of CPU of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    typer.run(main)
