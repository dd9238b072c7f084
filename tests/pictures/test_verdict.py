"""What is told from a file's bytes, whatever it was announced as."""

import asyncio
import sys

import pytest

from storage.decoder.kinds import DAMAGED, UNKNOWN
from storage.picture import HEAD, sniff
from storage.picture.zygote import ENVIRONMENT
from tests import images
from tests.pictures import photos
from tests.pictures.darkroom import Darkroom

WHOLE = {content_type: photos.encoded(photos.quarters(300, 200), content_type) for content_type in photos.KINDS}
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj"


@pytest.mark.parametrize("content_type", photos.KINDS)
def test_every_kind_we_take_is_told_by_its_first_bytes(content_type: str) -> None:
    assert sniff(WHOLE[content_type][:HEAD]) == content_type


def test_what_we_do_not_take_has_no_kind() -> None:
    for other in (
        b"",
        images.SVG,
        images.HTML,
        PDF,
        images.made(".tif"),
        b"\0\0\0\x18ftypisom\0\0\0\0isomavc1",
        b"RIFF\0\0\0\0WAVE",
        b"\x89PNG",
    ):
        assert sniff(other) is None


@pytest.mark.parametrize("brands", [b"mif1\0\0\0\0mif1avif", b"avis\0\0\0\0msf1"])
def test_an_avif_may_name_its_brand_late(brands: bytes) -> None:
    assert sniff((8 + len(brands)).to_bytes(4) + b"ftyp" + brands) == "image/avif"


@pytest.mark.parametrize("content", [images.HTML, images.SVG, PDF, b"", b"\xff\xd8"])
async def test_a_page_under_the_name_of_a_photo_is_refused(darkroom: Darkroom, content: bytes) -> None:
    assert await darkroom.refusal(content, "image/jpeg") == UNKNOWN


@pytest.mark.parametrize("content", [images.HTML, images.SVG, PDF])
async def test_a_page_behind_the_magic_of_a_photo_is_refused(darkroom: Darkroom, content: bytes) -> None:
    for content_type in photos.KINDS:
        assert await darkroom.refusal(WHOLE[content_type][:24] + content, content_type) == DAMAGED


async def test_a_script_with_the_magic_of_a_gif_is_refused(darkroom: Darkroom) -> None:
    assert await darkroom.refusal(images.GIF_SCRIPT, "image/gif") == DAMAGED


async def test_a_png_announced_as_a_jpeg_is_refused(darkroom: Darkroom) -> None:
    content = WHOLE["image/png"]
    assert await darkroom.refusal(content, "image/jpeg") == "It is a PNG, not a JPEG as announced."
    assert await darkroom.refusal(content, "image/svg+xml") == "It is a PNG, not image/svg+xml as announced."


@pytest.mark.parametrize("content_type", photos.KINDS)
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
async def test_what_was_cut_off_is_refused(darkroom: Darkroom, content_type: str, kept: float) -> None:
    whole = images.photo() if content_type == "image/jpeg" else WHOLE[content_type]
    assert (await darkroom.develop(whole)).width
    cut = whole[: int(len(whole) * kept)]
    assert await darkroom.refusal(cut, content_type) in (DAMAGED, UNKNOWN if len(cut) < 24 else DAMAGED)


async def test_no_other_loader_can_be_reached_in_the_process() -> None:
    """Not even one of ours that is for another kind."""
    attempt = (
        "from storage.decoder.decode import Opened, prepare; import pyvips, tempfile; prepare()\n"
        f"file = tempfile.TemporaryFile(); file.write({WHOLE['image/png']!r}); file.flush()\n"
        "print(Opened(file.fileno(), 'image/png', None).width)\n"
        f"for data in ({images.SVG!r}, {images.made('.tif')!r}, {WHOLE['image/gif']!r}, {WHOLE['image/avif']!r}):\n"
        "    try: pyvips.Image.new_from_buffer(data, '')\n"
        "    except pyvips.Error as error: print('blocked')\n"
    )
    assert await _said(attempt) == b"300\n" + b"blocked\n" * 4


async def test_nothing_is_imported_once_a_picture_is_read() -> None:
    """Nobody may not be allowed to read the program."""
    attempt = (
        "import sys, tempfile; from storage.decoder import child, decode; decode.prepare()\n"
        "from storage.decoder.develop import develop\n"
        "before = set(sys.modules)\n"
        "for content_type, content in eval(sys.stdin.read()).items():\n"
        "    files = [tempfile.TemporaryFile() for _ in range(5)]; files[0].write(content); files[0].flush()\n"
        "    print(develop(child.Files(*(file.fileno() for file in files)), content_type, False)['taken_at'])\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    told = {content_type: photos.talkative(content_type) for content_type in photos.KINDS}
    moments = [b"None" if kind == "image/gif" else b"2024-05-06T05:08:09+00:00" for kind in told]
    assert (await _said(attempt, repr(told).encode())).split(b"\n") == [*moments, b"[]", b""]


async def _said(program: str, heard: bytes = b"") -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    said, _ = await process.communicate(heard)
    return said
