"""The ways to make the sizes of a hundred photos, each as many at a time."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.images import bare
from storage.picture import Pictures

Way = Callable[[list[Path], int, Path], Awaitable[None]]


async def zygote(photos: list[Path], at_once: int, folder: Path) -> None:
    """`Pictures.develop`: a fork for each."""
    async with Pictures(at_once) as pictures:
        await asyncio.gather(*(_developed(pictures, photo, folder) for photo in photos))


async def started(photos: list[Path], at_once: int, folder: Path) -> None:
    """The same, with a program started for each."""
    turns = asyncio.Semaphore(at_once)

    async def alone(photo: Path) -> None:
        async with turns, Pictures() as pictures:
            await _developed(pictures, photo, folder)

    await asyncio.gather(*map(alone, photos))


async def plain(photos: list[Path], at_once: int, folder: Path) -> None:
    """Processes that stay, each with a part of the photos: decode, resize and encode alone."""
    with multiprocessing.get_context("spawn").Pool(at_once, bare.prepare) as pool:
        given = [(photo, folder) for photo in photos]
        await asyncio.to_thread(pool.starmap, bare.develop, given, 1)
        pool.close()
        pool.join()


async def _developed(pictures: Pictures, photo: Path, folder: Path) -> None:
    with TemporaryDirectory(dir=folder) as own:
        await pictures.develop(photo, "image/jpeg", Path(own))


PLAIN: Final = "plain processes"
WAYS: Final[dict[str, Way]] = {
    PLAIN: plain,
    "Pictures.develop": zygote,
    "a program started for each": started,
}
