"""The thumbnail and the preview: upright, in sRGB, never larger than the picture."""

import io
import struct
from typing import Any

import pytest
import pyvips
from PIL import Image

from storage.picture import Developed, Made
from tests import images
from tests.pictures import photos
from tests.pictures.darkroom import Darkroom, read
from tests.pictures.near import near

QUARTERS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
#: How the quarters lie in the file, so that they are shown as QUARTERS: what each EXIF orientation undoes.
LYING = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def sizes(developed: Developed) -> list[tuple[int, int]]:
    return [(developed.width, developed.height), read(developed.preview).size, read(developed.thumbnail).size]


def deep(image: Any, interpretation: str) -> Any:
    """The same in 16 bits."""
    return (image * 257).cast("ushort").copy(interpretation=interpretation)


def corners(made: Made) -> list[Any]:
    image = read(made).convert("RGB")
    width, height = image.size
    return [image.getpixel((x * width // 4, y * height // 4)) for y in (1, 3) for x in (1, 3)]


@pytest.mark.parametrize("content_type", photos.KINDS)
async def test_each_kind_has_its_sizes(darkroom: Darkroom, content_type: str) -> None:
    developed = await darkroom.develop(photos.encoded(photos.quarters(1800, 1200), content_type))
    assert sizes(developed) == [(1800, 1200), (1440, 960), (250, 167)]
    for made in (developed.preview, developed.thumbnail):
        assert made.content_type == "image/webp"
        assert all(map(near, corners(made), QUARTERS))


@pytest.mark.parametrize("content_type", photos.KINDS)
async def test_none_is_enlarged(darkroom: Darkroom, content_type: str) -> None:
    assert sizes(await darkroom.develop(photos.encoded(photos.quarters(60, 40), content_type))) == [(60, 40)] * 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp", "image/avif", "image/heic"])
async def test_whichever_way_it_lies_it_is_shown_upright(
    darkroom: Darkroom, content_type: str, orientation: int
) -> None:
    upright = photos.quarters(480, 320)
    lying = upright.transpose(LYING[orientation]) if orientation > 1 else upright
    developed = await darkroom.develop(photos.with_exif(content_type, photos.exif(orientation), lying))
    assert sizes(developed) == [(480, 320), (480, 320), (250, 167)]
    for made in (developed.preview, developed.thumbnail):
        assert all(map(near, corners(made), QUARTERS))
    # And so is the copy, by whoever follows what it says.
    shown = pyvips.Image.new_from_file(str(developed.stripped.path)) if content_type != "image/heic" else None
    if shown is not None:
        upright_copy = shown.autorot()
        assert (upright_copy.width, upright_copy.height) == (480, 320)
        assert near(tuple(map(round, upright_copy(120, 80)[:3])), QUARTERS[0])
        assert near(tuple(map(round, upright_copy(120, 240)[:3])), QUARTERS[2])
    else:
        assert all(map(near, corners(developed.stripped), QUARTERS))


@pytest.mark.parametrize("orientation", [3, 6, 8])
async def test_a_photograph_is_upright_however_the_camera_was_held(darkroom: Darkroom, orientation: int) -> None:
    upright = await darkroom.develop(images.photo("landscape_orientation_1.jpg"))
    turned = await darkroom.develop(images.photo(f"landscape_orientation_{orientation}.jpg"))
    assert sizes(turned) == sizes(upright) == [(1800, 1200), (1440, 960), (250, 167)]
    one, other = (pyvips.Image.new_from_file(str(each.thumbnail.path)) for each in (upright, turned))
    assert (one - other).abs().avg() < 6


async def test_a_picture_for_the_press_keeps_its_colours(darkroom: Darkroom) -> None:
    """CMYK with the profile of a press, and without any."""
    cmyk = pyvips.Image.black(60, 40).bandjoin([0, 0]).linear(1, [255, 0, 0]).cast("uchar")
    cmyk = cmyk.copy(interpretation="srgb").icc_transform("cmyk", input_profile="srgb")
    for content in (photos.vips(cmyk, ".jpg"), photos.vips(cmyk, ".jpg", keep="none")):
        developed = await darkroom.develop(content, "image/jpeg")
        assert near(corners(developed.preview)[0], (255, 0, 0), by=50)
        assert read(developed.preview).mode == "RGB"
        copy = read(developed.stripped)
        assert copy.mode == "CMYK"
        assert copy.tobytes() == Image.open(io.BytesIO(content)).tobytes()


async def test_wide_colours_are_shown_in_srgb(darkroom: Darkroom) -> None:
    """The reddest that a telephone can show is the reddest that sRGB can; a medium red is more than its numbers say."""
    profile = bytes(pyvips.Image.profile_load("p3"))
    for number, shown in ((255, 255), (128, 139)):
        red = Image.new("RGB", (60, 40), (number, 0, 0))
        developed = await darkroom.develop(photos.encoded(red, "image/png", icc_profile=profile))
        assert near(corners(developed.preview)[0], (shown, 0, 0), by=6)


async def test_a_profile_that_makes_no_sense_is_passed_over(darkroom: Darkroom) -> None:
    content = photos.encoded(photos.quarters(), "image/png", icc_profile=b"no profile at all" * 20)
    assert all(map(near, corners((await darkroom.develop(content)).preview), QUARTERS))


@pytest.mark.parametrize(
    "image",
    [
        deep(photos.slope(300, 200), "rgb16"),
        photos.slope(300, 200)[0].copy(interpretation="b-w"),
        deep(photos.slope(300, 200)[0], "grey16"),
        photos.slope(300, 200)[0].copy(interpretation="b-w").bandjoin(128),
    ],
    ids=["16 bits", "grey", "grey of 16 bits", "grey with alpha"],
)
async def test_other_depths_are_shown_in_eight_bits(darkroom: Darkroom, image: Any) -> None:
    developed = await darkroom.develop(photos.vips(image, ".png"), "image/png")
    assert sizes(developed) == [(300, 200), (300, 200), (250, 167)]
    red = read(developed.preview).convert("RGBA").getpixel((150, 100))
    assert isinstance(red, tuple)
    assert abs(red[0] - 127) <= 4
    assert red[3] == (128 if image.bands == 2 else 255)
    assert read(developed.stripped).size == (300, 200)


async def test_a_palette_can_be_see_through(darkroom: Darkroom) -> None:
    for content_type in ("image/png", "image/gif"):
        image = Image.new("P", (60, 40), 1)
        image.putpalette([255, 0, 0, 0, 255, 0])
        image.paste(0, (0, 0, 30, 40))
        developed = await darkroom.develop(photos.encoded(image, content_type, transparency=0))
        for made in (developed.preview, developed.thumbnail, developed.stripped):
            shown = read(made).convert("RGBA")
            assert near(shown.getpixel((45, 20)), (0, 255, 0, 255))
            alpha = shown.getpixel((10, 20))
            assert isinstance(alpha, tuple) and alpha[3] == 0


@pytest.mark.parametrize("content_type", ["image/gif", "image/webp", "image/png", "image/avif"])
async def test_of_an_animation_the_first_frame_is_shown(darkroom: Darkroom, content_type: str) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("#f00", "#0f0", "#00f")]
    content = photos.encoded(frames[0], content_type, save_all=True, append_images=frames[1:])
    developed = await darkroom.develop(content)
    assert sizes(developed) == [(64, 48)] * 3
    for made in (developed.preview, developed.thumbnail):
        assert getattr(read(made), "n_frames", 1) == 1
        assert near(corners(made)[0], (255, 0, 0))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 3000), (3000, 1), (1, 1_000_000), (1_000_000, 1)])
async def test_however_narrow_it_is_something_is_left(darkroom: Darkroom, width: int, height: int) -> None:
    developed = await darkroom.develop(images.bomb(width, height))
    assert (developed.width, developed.height) == (width, height)
    for made, side in ((developed.preview, 1440), (developed.thumbnail, 250)):
        assert read(made).size == (min(width, side), min(height, side))


async def test_they_are_webp_and_nothing_else(darkroom: Darkroom) -> None:
    """Every chunk is one of pixels: no colours, no EXIF, no words."""
    for content_type in photos.KINDS:
        developed = await darkroom.develop(photos.talkative(content_type))
        for made in (developed.preview, developed.thumbnail):
            content = made.path.read_bytes()
            at, kinds = 12, []
            while at < len(content):
                kind, length = struct.unpack_from("<4sI", content, at)
                kinds.append(kind)
                at += 8 + length + length % 2
            assert set(kinds) <= {b"VP8 ", b"VP8X", b"ALPH", b"VP8L"}
            assert at == len(content) == 8 + int.from_bytes(content[4:8], "little")
