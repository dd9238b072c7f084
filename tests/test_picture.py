"""What is told from a file's bytes, whatever it was announced as."""

import asyncio
import contextlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.refusal import Unavailable
from storage import picture
from storage.decoder.kinds import DAMAGED, TOO_DEMANDING, UNKNOWN
from storage.picture import NotAPicture, Picture, Pictures, sniff
from tests import images

KINDS = {
    "image/jpeg": images.made(".jpg"),
    "image/png": images.made(".png"),
    "image/webp": images.made(".webp"),
    "image/gif": images.made(".gif"),
    "image/avif": images.made(".avif"),
    "image/heic": images.HEIC,
}


@pytest.fixture
def pictures() -> Pictures:
    return Pictures()


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """98 megapixels, which take seconds."""
    path = tmp_path_factory.mktemp("pictures") / "slow.png"
    path.write_bytes(images.bomb(9_900, 9_900, bits=64))
    return path


async def refusal(pictures: Pictures, path: Path, declared_type: str) -> str:
    with pytest.raises(NotAPicture) as refused:
        await pictures.inspect(path, declared_type)
    return refused.value.reason


@pytest.mark.parametrize("content_type", KINDS)
def test_every_kind_we_take_is_told_by_its_first_bytes(content_type: str) -> None:
    assert sniff(KINDS[content_type][: picture.HEAD]) == content_type


def test_what_we_do_not_take_has_no_kind() -> None:
    for other in (
        b"",
        images.SVG,
        images.HTML,
        b"%PDF-1.7",
        b"II*\0",
        b"BM",
        b"\0\0\0\x18ftypmp42",
        b"RIFF\0\0\0\0WAVE",
    ):
        assert sniff(other) is None


@pytest.mark.parametrize("brands", [b"mif1\0\0\0\0mif1avif", b"avis\0\0\0\0msf1"])
def test_an_avif_may_name_its_brand_late(brands: bytes) -> None:
    assert sniff((8 + len(brands)).to_bytes(4) + b"ftyp" + brands) == "image/avif"


@pytest.mark.parametrize("content_type", [kind for kind in KINDS if kind != "image/heic"])
async def test_every_kind_but_heic_is_decoded(
    pictures: Pictures, file: Callable[[bytes], Path], content_type: str
) -> None:
    assert await pictures.inspect(file(KINDS[content_type]), content_type) == Picture(60, 40, content_type)


async def test_of_a_heic_only_the_header_is_known(pictures: Pictures, file: Callable[[bytes], Path]) -> None:
    assert await pictures.inspect(file(images.HEIC), "image/heic") == Picture(96, 64, "image/heic", decoded=False)
    assert await refusal(pictures, file(images.HEIC[:-20]), "image/heic") == DAMAGED
    assert await refusal(pictures, file(images.HEIC[:200]), "image/heic") == DAMAGED


async def test_the_brand_does_not_decide_what_can_be_decoded(pictures: Pictures, file: Callable[[bytes], Path]) -> None:
    hevc = images.HEIC.replace(b"ftypheic", b"ftypavif", 1)
    assert (await pictures.inspect(file(hevc), "image/avif")).decoded is False
    av1 = images.made(".avif").replace(b"ftypavif", b"ftypheic", 1)
    assert await pictures.inspect(file(av1), "image/heic") == Picture(60, 40, "image/heic")
    assert await refusal(pictures, file(av1[:-100]), "image/heic") == DAMAGED


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
async def test_a_landscape_is_one_however_the_camera_was_held(pictures: Pictures, orientation: int) -> None:
    path = images.PHOTOS / f"landscape_orientation_{orientation}.jpg"
    assert await pictures.inspect(path, "image/jpeg") == Picture(1800, 1200, "image/jpeg")


@pytest.mark.parametrize("orientation", [1, 6])
async def test_a_portrait_is_one_however_the_camera_was_held(pictures: Pictures, orientation: int) -> None:
    path = images.PHOTOS / f"portrait_orientation_{orientation}.jpg"
    assert await pictures.inspect(path, "image/jpeg") == Picture(1200, 1800, "image/jpeg")


@pytest.mark.parametrize("suffix", [".png", ".webp"])
async def test_other_kinds_can_lie_on_their_side_too(
    pictures: Pictures, file: Callable[[bytes], Path], suffix: str
) -> None:
    path = file(images.made(suffix, 60, 40, orientation=8))
    assert await pictures.inspect(path, f"image/{suffix[1:]}") == Picture(40, 60, f"image/{suffix[1:]}")


async def test_an_animation_is_its_first_frame(pictures: Pictures, file: Callable[[bytes], Path]) -> None:
    path = file(images.animation(30, 20, frames=12))
    assert await pictures.inspect(path, "image/gif") == Picture(30, 20, "image/gif")


@pytest.mark.parametrize("content", [images.HTML, images.SVG, b"", b"\xff\xd8"])
async def test_a_page_under_the_name_of_a_photo_is_refused(
    pictures: Pictures, file: Callable[[bytes], Path], content: bytes
) -> None:
    assert await refusal(pictures, file(content), "image/jpeg") == UNKNOWN


async def test_a_png_announced_as_a_jpeg_is_refused(pictures: Pictures, file: Callable[[bytes], Path]) -> None:
    path = file(images.made(".png"))
    assert await refusal(pictures, path, "image/jpeg") == "It is a PNG, not a JPEG as announced."
    assert await refusal(pictures, path, "image/svg+xml") == "It is a PNG, not image/svg+xml as announced."


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
async def test_a_photo_that_was_cut_off_is_refused(
    pictures: Pictures, file: Callable[[bytes], Path], kept: float
) -> None:
    whole = images.photo()
    assert await refusal(pictures, file(whole[: int(len(whole) * kept)]), "image/jpeg") == DAMAGED


@pytest.mark.parametrize("content_type", ["image/png", "image/webp", "image/gif", "image/avif"])
async def test_every_kind_is_refused_when_cut_off(
    pictures: Pictures, file: Callable[[bytes], Path], content_type: str
) -> None:
    whole = images.made(f".{content_type[6:]}", 300, 200)
    assert await refusal(pictures, file(whole[: len(whole) // 2]), content_type) == DAMAGED


async def test_a_script_with_the_magic_of_a_gif_is_refused(pictures: Pictures, file: Callable[[bytes], Path]) -> None:
    assert await refusal(pictures, file(images.GIF_SCRIPT), "image/gif") == DAMAGED


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (50_000, 50_000, "It has 2500 megapixels; at most 100 are taken."),
        (13_350, 13_350, "It has 178 megapixels; at most 100 are taken."),
        (10_001, 10_000, "It has 100 megapixels; at most 100 are taken."),
    ],
)
async def test_too_many_pixels_are_refused_before_they_are_decoded(
    pictures: Pictures, file: Callable[[bytes], Path], width: int, height: int, reason: str
) -> None:
    path = file(images.bomb(width, height))
    before = _cpu()
    assert await refusal(pictures, path, "image/png") == reason
    spent = _cpu() - before
    print(f"{width} x {height} in {path.stat().st_size} bytes: {spent:.3f} s of CPU")
    assert spent < 1


async def test_100_megapixels_are_taken(pictures: Pictures, file: Callable[[bytes], Path]) -> None:
    path = file(images.bomb(10_000, 10_000))
    assert await pictures.inspect(path, "image/png") == Picture(10_000, 10_000, "image/png")


async def test_a_comment_that_unpacks_to_megabytes_costs_nothing(
    pictures: Pictures, file: Callable[[bytes], Path]
) -> None:
    path = file(images.with_text_bomb(images.made(".png"), megabytes=300))
    before = _cpu()
    assert await pictures.inspect(path, "image/png") == Picture(60, 40, "image/png")
    assert _cpu() - before < 1


async def test_a_process_that_takes_too_long_is_ended_and_the_next_is_fine(
    file: Callable[[bytes], Path], slow: Path
) -> None:
    hurried = Pictures(cpu_seconds=1)
    assert await refusal(hurried, slow, "image/png") == TOO_DEMANDING
    assert await hurried.inspect(file(KINDS["image/png"]), "image/png") == Picture(60, 40, "image/png")


async def test_a_picture_that_needs_too_much_memory_is_refused(
    file: Callable[[bytes], Path], pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(images.made(".webp", 6_000, 6_000))
    assert (await pictures.inspect(path, "image/webp")).decoded
    monkeypatch.setattr(picture, "MEMORY", 300 << 20)
    assert await refusal(pictures, path, "image/webp") == TOO_DEMANDING


async def test_a_process_that_somebody_else_killed_says_nothing_about_the_picture(
    pictures: Pictures, slow: Path
) -> None:
    looking = asyncio.create_task(pictures.inspect(slow, "image/png"))
    os.kill(await asyncio.to_thread(_child), signal.SIGKILL)
    with pytest.raises(Unavailable):
        await looking


async def test_a_caller_who_leaves_takes_the_process_along(
    pictures: Pictures, file: Callable[[bytes], Path], slow: Path
) -> None:
    looking = asyncio.create_task(pictures.inspect(slow, "image/png"))
    await asyncio.to_thread(_child)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert _children() == []
    assert await pictures.inspect(file(KINDS["image/gif"]), "image/gif") == Picture(60, 40, "image/gif")


async def test_a_process_that_hangs_is_not_waited_for(
    pictures: Pictures, slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "PATIENCE", 0.5)
    with pytest.raises(Unavailable):
        await pictures.inspect(slow, "image/png")
    assert _children() == []


async def test_no_more_are_looked_at_side_by_side_than_agreed(
    pictures: Pictures, file: Callable[[bytes], Path]
) -> None:
    path = file(KINDS["image/jpeg"])
    looking = [asyncio.create_task(pictures.inspect(path, "image/jpeg")) for _ in range(4)]
    most = 0
    while not all(task.done() for task in looking):
        most = max(most, len(_children()))
        await asyncio.sleep(0)
    assert most == 1
    assert {task.result() for task in looking} == {Picture(60, 40, "image/jpeg")}


async def test_a_queue_that_is_full_is_refused(
    pictures: Pictures, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "WAITING", 2)
    path = file(KINDS["image/jpeg"])
    answers = await asyncio.gather(*(pictures.inspect(path, "image/jpeg") for _ in range(5)), return_exceptions=True)
    names = [type(answer).__name__ for answer in answers]
    assert names == ["Picture"] * 3 + ["Unavailable"] * 2


async def test_no_other_loader_can_be_reached_in_the_process() -> None:
    attempt = (
        "from storage.decoder import decode; import pyvips\n"
        f"for data in ({images.SVG!r}, {images.made('.tif')!r}):\n"
        "    try: pyvips.Image.new_from_buffer(data, '')\n"
        "    except pyvips.Error as error: print('blocked')\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", attempt, stdout=asyncio.subprocess.PIPE, env=picture.ENVIRONMENT
    )
    said, _ = await process.communicate()
    assert said == b"blocked\nblocked\n"


@pytest.mark.parametrize("content_type", KINDS)
async def test_whatever_noise_there_is_in_the_bytes_there_is_an_answer(
    pictures: Pictures, file: Callable[[bytes], Path], content_type: str
) -> None:
    story = random.Random(f"noise in {content_type}")
    for _ in range(10):
        noisy = bytearray(KINDS[content_type])
        for _ in range(story.randint(1, 20)):
            noisy[story.randrange(len(noisy))] = story.randrange(256)
        with contextlib.suppress(NotAPicture):
            assert (await pictures.inspect(file(bytes(noisy)), content_type)).content_type == content_type


async def test_the_process_is_poor(pictures: Pictures, slow: Path) -> None:
    looking = asyncio.create_task(pictures.inspect(slow, "image/png"))
    child = Path(f"/proc/{await asyncio.to_thread(_child)}")
    environment, limits, user = await asyncio.to_thread(_confines, child)
    await looking
    assert environment == set(picture.ENVIRONMENT)
    assert limits["Max address space"] == str(picture.MEMORY)
    assert limits["Max cpu time"] == str(picture.CPU_SECONDS)
    assert limits["Max file size"] == "0"
    assert user != 0


def _confines(child: Path) -> tuple[set[str], dict[str, str], int]:
    """Its environment, limits and user, once it has confined itself; its last step is to change the user."""
    deadline = time.monotonic() + 10
    while "Max file size             0 " not in (child / "limits").read_text() or child.stat().st_uid == 0:
        assert time.monotonic() < deadline
    environment = (child / "environ").read_bytes().decode().rstrip("\0").split("\0")
    limits = (child / "limits").read_text().splitlines()
    return (
        {entry.partition("=")[0] for entry in environment},
        {line[:26].strip(): line[26:].split()[0] for line in limits},
        child.stat().st_uid,
    )


def _child() -> int:
    """The process that looks into a picture, as soon as there is one."""
    deadline = time.monotonic() + 10
    while not (children := _children()):
        assert time.monotonic() < deadline
    return children[0]


def _children() -> list[int]:
    """The processes that look into pictures. The others, and our threads, may end meanwhile."""
    threads = Path("/proc/self/task").glob("*/children")
    children = " ".join(_read(thread) for thread in threads).split()
    return [int(child) for child in children if "storage.decoder" in _read(Path(f"/proc/{child}/cmdline"))]


def _read(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text()
    return ""


def _cpu() -> float:
    """Seconds of CPU that our ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
