"""The process that looks into a picture: how little it has, and how it ends."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

import storage.picture
from models.refusal import Unavailable
from storage.decoder.child import NOBODY
from storage.decoder.kinds import TOO_DEMANDING
from storage.picture import Developed, NotAPicture, Pictures
from storage.picture.zygote import ENVIRONMENT
from tests import images
from tests.pictures import photos
from tests.pictures.darkroom import Darkroom

#: How many seconds something may take to happen that will.
PATIENCE = 10
JPEG = images.made(".jpg")

T = TypeVar("T")
Write = Callable[[bytes], Path]


async def refusal(pictures: Pictures, path: Path, folder: Path, declared_type: str) -> str:
    with pytest.raises(NotAPicture) as refused:
        await pictures.develop(path, declared_type, folder)
    return refused.value.reason


async def test_one_that_takes_too_long_is_ended_and_the_next_is_fine(file: Write, folder: Path) -> None:
    async with Pictures(large_cpu_seconds=1) as hurried:
        darkroom = Darkroom(hurried, folder)
        slow = file(images.bomb(7_500, 7_500, bits=64))
        assert await refusal(hurried, slow, folder, "image/png") == TOO_DEMANDING
        assert darkroom.used[-1].code == -signal.SIGXCPU
        assert darkroom.cpu < 2
        assert (await hurried.develop(file(JPEG), "image/jpeg", folder)).width == 60


async def test_one_that_needs_too_much_memory_is_refused(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    content = photos.vips(photos.slope(4_000, 4_000), ".avif", effort=0)
    assert (await darkroom.develop(content, "image/avif")).width == 4_000
    needed = darkroom.peak
    monkeypatch.setattr(storage.picture, "MEMORY", 200 << 20)
    assert await darkroom.refusal(content, "image/avif") == TOO_DEMANDING
    assert darkroom.peak < 200 << 20 < needed


async def test_one_that_writes_too_much_is_refused(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    content = images.photo()
    monkeypatch.setattr(storage.picture, "FILE", 10_000 - len(content))
    assert await darkroom.refusal(content, "image/jpeg") == TOO_DEMANDING
    monkeypatch.setattr(storage.picture, "FILE", 10_000)
    assert (await darkroom.develop(JPEG)).width == 60


@pytest.mark.parametrize("name", ["thumbnail", "preview", "stripped"])
async def test_a_full_disk_says_nothing_about_the_picture(
    pictures: Pictures, folder: Path, file: Write, name: str
) -> None:
    (folder / name).symlink_to("/dev/full")
    with pytest.raises(RuntimeError, match="No space left on device"):
        await pictures.develop(file(images.photo()), "image/jpeg", folder)


async def test_the_zygote_that_was_started_early_serves_the_first_picture(
    pictures: Pictures, file: Write, folder: Path
) -> None:
    await pictures.start()
    started = _zygote(pictures)
    assert (await pictures.develop(file(JPEG), "image/jpeg", folder)).width == 60
    assert _zygote(pictures) == started


async def test_one_that_somebody_else_killed_says_nothing_about_the_picture(
    pictures: Pictures, slow: Path, folder: Path
) -> None:
    looking = asyncio.create_task(pictures.develop(slow, "image/png", folder))
    os.kill(await _child(pictures), signal.SIGKILL)
    with pytest.raises(Unavailable):
        await looking


async def test_a_caller_who_leaves_takes_the_process_along(
    pictures: Pictures, file: Write, slow: Path, folder: Path
) -> None:
    looking = asyncio.create_task(pictures.develop(slow, "image/png", folder))
    await _child(pictures)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert _children(pictures) == []
    assert (await pictures.develop(file(JPEG), "image/jpeg", folder)).width == 60


async def test_one_that_hangs_is_not_waited_for(
    pictures: Pictures, slow: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = asyncio.create_task(pictures.develop(slow, "image/png", folder))
    os.kill(await _child(pictures), signal.SIGSTOP)
    monkeypatch.setattr(storage.picture, "PATIENCE", 0.1)
    second = asyncio.create_task(pictures.develop(slow, "image/png", folder))
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    with pytest.raises(Unavailable):
        await second
    assert _children(pictures) == []


async def test_a_zygote_that_died_is_started_again(pictures: Pictures, file: Write, slow: Path, folder: Path) -> None:
    looking = asyncio.create_task(pictures.develop(slow, "image/png", folder))
    child = await _child(pictures)
    zygote = _zygote(pictures)
    os.kill(zygote, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await looking
    # Whom nobody waits for any more is ended by its limits, at the latest.
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    assert (await pictures.develop(file(JPEG), "image/jpeg", folder)).width == 60
    assert _zygote(pictures) != zygote


async def test_nothing_is_left_when_it_is_closed(file: Write, slow: Path, folder: Path) -> None:
    pictures = Pictures()
    await pictures.close()
    assert (await pictures.develop(file(JPEG), "image/jpeg", folder)).width == 60
    zygote = _zygote(pictures)
    await pictures.close()
    with pytest.raises(ProcessLookupError):
        os.kill(zygote, 0)


async def test_the_zygote_has_one_thread_as_who_forks_must(pictures: Pictures, file: Write, folder: Path) -> None:
    await pictures.develop(file(JPEG), "image/jpeg", folder)
    assert len(os.listdir(f"/proc/{_zygote(pictures)}/task")) == 1


async def test_no_more_are_looked_at_side_by_side_than_agreed(file: Write, tmp_path: Path) -> None:
    path = file(JPEG)
    for agreed in (1, 2):
        async with Pictures(agreed) as pictures:
            running, most = 0, 0
            attempt = pictures._attempt

            async def counted(*given: object, attempt: Any = attempt, **more: object) -> object:
                nonlocal running, most
                running += 1
                most = max(most, running)
                try:
                    return await attempt(*given, **more)
                finally:
                    running -= 1

            pictures._attempt = counted  # type: ignore[method-assign, assignment]
            made = await asyncio.gather(*(pictures.develop(path, "image/jpeg", each) for each in _folders(tmp_path, 6)))
            assert {(one.width, one.height) for one in made} == {(60, 40)}
            assert most == agreed


async def test_of_the_large_ones_one_is_decoded_at_a_time(tmp_path: Path, file: Write) -> None:
    """The small ones go on beside it."""
    path = tmp_path / "large.png"
    path.write_bytes(images.bomb(6_000, 6_000))
    small = file(JPEG)
    async with Pictures(3) as pictures:
        running: dict[bool, int] = {True: 0, False: 0}
        beside: list[tuple[bool, int, int]] = []
        attempt = pictures._attempt

        async def counted(*given: object, large: bool) -> Developed | None:
            running[large] += 1
            beside.append((large, running[True], running[False]))
            try:
                return await attempt(*given, large=large)  # type: ignore[arg-type]
            finally:
                running[large] -= 1

        pictures._attempt = counted  # type: ignore[method-assign, assignment]
        folders = _folders(tmp_path, 8)
        made = await asyncio.gather(
            *(pictures.develop(path, "image/png", next(folders)) for _ in range(4)),
            *(pictures.develop(small, "image/jpeg", next(folders)) for _ in range(4)),
        )
    assert [one.width for one in made] == [6_000] * 4 + [60] * 4
    assert sum(large for large, _, _ in beside) == 4
    assert max(larges for _, larges, _ in beside) == 1
    assert max(larges + smalls for _, larges, smalls in beside) == 3
    assert any(larges and smalls for _, larges, smalls in beside)


async def test_a_queue_that_is_full_is_refused(
    pictures: Pictures, file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.picture, "WAITING", 2)
    path = file(JPEG)
    developing = (pictures.develop(path, "image/jpeg", folder) for folder in _folders(tmp_path, 5))
    answers = await asyncio.gather(*developing, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Developed] * 3 + [Unavailable] * 2


async def test_the_process_is_poor(pictures: Pictures, slow: Path, folder: Path) -> None:
    looking = asyncio.create_task(pictures.develop(slow, "image/png", folder))
    child = Path(f"/proc/{await _child(pictures)}")
    status = await _eventually(lambda: _confined(child))
    limits, files, environment = _means(child, Path(f"/proc/{_zygote(pictures)}"))
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert {entry.partition("=")[0] for entry in environment} == set(ENVIRONMENT)
    assert limits["Max address space"] == str(storage.picture.MEMORY)
    assert limits["Max cpu time"] == str(storage.picture.CPU_SECONDS)
    assert limits["Max file size"] == str(storage.picture.FILE + os.stat(slow).st_size)
    assert limits["Max core file size"] == "0"
    assert not any(file.startswith("socket:") for file in files)
    if os.geteuid() == 0:
        assert {slow.name, "thumbnail", "preview", "stripped"} <= {Path(file).name for file in files}
        assert set(status["Uid"]) == set(status["Gid"]) == {str(NOBODY)}
        assert not status["Groups"]


def _means(child: Path, zygote: Path) -> tuple[dict[str, str], list[str], list[str]]:
    """Limits, open files (which only root may see of nobody's), and the environment."""
    limits = {line[:26].strip(): line[26:].split()[0] for line in (child / "limits").read_text().splitlines()}
    files = [os.readlink(file) for file in (child / "fd").iterdir()] if os.geteuid() == 0 else []
    return limits, files, (zygote / "environ").read_bytes().decode().rstrip("\0").split("\0")


def _confined(child: Path) -> dict[str, list[str]] | None:
    """Its status, once it has confined itself; its last step is to change the user."""
    lines = (line.partition(":") for line in (child / "status").read_text().splitlines())
    status = {name: value.split() for name, _, value in lines}
    limited = "Max core file size        0 " in (child / "limits").read_text()
    return status if limited and (os.geteuid() != 0 or status["Uid"] == [str(NOBODY)] * 4) else None


def _folders(below: Path, number: int) -> Iterator[Path]:
    for place in range(number):
        folder = below / f"{time.monotonic_ns()}-{place}"
        folder.mkdir()
        yield folder


def _zygote(pictures: Pictures) -> int:
    process = pictures._zygote._process
    assert process is not None
    return process.pid


async def _child(pictures: Pictures) -> int:
    """The process that looks into a picture, as soon as there is one."""
    found = await _eventually(lambda: _children(pictures))
    return found[0]


def _children(pictures: Pictures) -> list[int]:
    if pictures._zygote._process is None:
        return []
    children = Path(f"/proc/{_zygote(pictures)}/task/{_zygote(pictures)}/children")
    return [int(child) for child in children.read_text().split()]


async def _eventually(look: Callable[[], T | None]) -> T:
    """What there is to see, as soon as there is; processes tell nobody that they have come so far."""
    async with asyncio.timeout(PATIENCE):
        while not (seen := look()):  # noqa: ASYNC110
            await asyncio.sleep(0)
        return seen
