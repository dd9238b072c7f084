"""The copy for those who may not know where a photo was taken: the same picture, and no word besides."""

import io

import pytest
import pyvips
from PIL import ExifTags, Image, ImageChops

from storage.picture import Made, NotAPicture, sniff
from tests import images
from tests.pictures import photos
from tests.pictures.darkroom import Darkroom, read
from tests.pictures.near import near
from tests.pictures.photos import CANARY, KINDS

P3 = bytes(pyvips.Image.profile_load("p3"))

#: What Pillow finds in a picture that says nothing.
SILENT = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "adobe", "adobe_transform", "dpi"}
SILENT |= {"primary", "bit_depth", "chroma", "nclx_profile", "metadata", "aux", "original_orientation", "depth_images"}
SILENT |= {"version", "background", "duration", "loop", "extension", "transparency", "timestamp", "icc_profile"}


def metadata(made: Made) -> set[str]:
    """What Pillow and libvips find in a file that is neither its pixels nor the way that it lies."""
    image = read(made)
    found = {str(name) for name, value in image.info.items() if value} - SILENT
    found |= {str(tag) for tag in image.getexif() if tag != ExifTags.Base.Orientation}
    if sniff(made.path.read_bytes()) != "image/heic":
        fields = pyvips.Image.new_from_file(str(made.path)).get_fields()
        found |= {name for name in fields if name.startswith(("xmp", "iptc", "png-comment", "gif-comment"))}
        found |= {name for name in fields if "GPS" in name or "MakerNote" in name or "Original" in name}
    return found - {"exif"}


@pytest.mark.parametrize("content_type", KINDS)
async def test_nothing_is_left_of_what_a_photo_told(darkroom: Darkroom, content_type: str) -> None:
    content = photos.talkative(content_type)
    assert content.count(CANARY) >= 4
    developed = await darkroom.develop(content)
    for made in (developed.stripped, developed.preview, developed.thumbnail):
        assert CANARY not in made.path.read_bytes()
        assert metadata(made) == set()
    assert developed.stripped.content_type == content_type


@pytest.mark.parametrize("content_type", KINDS)
async def test_the_reader_of_these_tests_would_find_it(darkroom: Darkroom, content_type: str) -> None:
    path = darkroom.folder / "told"
    path.write_bytes(photos.talkative(content_type))
    assert metadata(Made(path, content_type))


@pytest.mark.parametrize("content_type", KINDS)
async def test_its_pixels_are_those_of_the_original(darkroom: Darkroom, content_type: str) -> None:
    content = photos.talkative(content_type)
    copy = read((await darkroom.develop(content)).stripped)
    original = Image.open(io.BytesIO(content))
    assert copy.size == original.size
    assert copy.getexif().get(ExifTags.Base.Orientation, 1) == original.getexif().get(ExifTags.Base.Orientation, 1)
    for number in range(getattr(original, "n_frames", 1)):
        original.seek(number)
        copy.seek(number)
        assert ImageChops.difference(copy.convert("RGBA"), original.convert("RGBA")).getbbox() is None


async def test_an_animation_goes_on(darkroom: Darkroom) -> None:
    copy = read((await darkroom.develop(photos.talkative("image/gif"))).stripped)
    assert (getattr(copy, "n_frames", 1), copy.info["loop"]) == (4, 7)
    for suffix in ("webp", "png"):
        frames = [Image.new("RGBA", (30, 20), (number * 30, 9, 9, 255)) for number in range(5)]
        written = photos.encoded(frames[0], f"image/{suffix}", save_all=True, append_images=frames[1:], loop=3)
        copy = read((await darkroom.develop(written)).stripped)
        assert (getattr(copy, "n_frames", 1), copy.info["loop"]) == (5, 3)


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp", "image/avif", "image/heic"])
async def test_its_colours_stay_what_they_are(darkroom: Darkroom, content_type: str) -> None:
    content = photos.encoded(photos.quarters(), content_type, icc_profile=P3)
    copy = read((await darkroom.develop(content)).stripped)
    assert copy.info["icc_profile"] == P3


async def test_a_profile_with_words_behind_its_end_is_cut_there(darkroom: Darkroom) -> None:
    for content_type in KINDS:
        if content_type != "image/gif":
            content = photos.encoded(photos.quarters(), content_type, icc_profile=P3 + b"canary-profile")
            developed = await darkroom.develop(content)
            assert CANARY not in developed.stripped.path.read_bytes()


async def test_what_only_calls_itself_a_profile_is_dropped(darkroom: Darkroom) -> None:
    content = photos.encoded(photos.quarters(), "image/jpeg", icc_profile=b"canary-profile" * 100)
    assert CANARY not in (await darkroom.develop(content)).stripped.path.read_bytes()


@pytest.mark.parametrize("content_type", KINDS)
async def test_no_page_or_archive_rides_along(darkroom: Darkroom, content_type: str) -> None:
    content = images.made(f".{content_type[6:]}") if content_type != "image/heic" else images.HEIC
    for rider in (images.HTML, images.SVG, b"%PDF-1.7 /JS (app.alert(1))", b"PK\3\4a GIFAR", b"<?php echo 1;"):
        developed = await darkroom.develop(content + rider)
        for made in (developed.stripped, developed.preview, developed.thumbnail):
            assert rider not in made.path.read_bytes()


@pytest.mark.parametrize("content_type", ["image/avif", "image/heic"])
async def test_a_still_that_cannot_be_copied_becomes_a_jpeg(darkroom: Darkroom, content_type: str) -> None:
    """Its bytes are said to lie in another file, which its decoder does not mind."""
    content = photos.encoded(photos.quarters(), content_type, exif=photos.exif(told=True))
    reference = content.index(b"iloc") + 4 + 4 + 2 + 2 + 2
    developed = await darkroom.develop(content[:reference] + b"\0\1" + content[reference + 2 :])
    assert developed.stripped.content_type == "image/jpeg"
    assert CANARY not in developed.stripped.path.read_bytes()
    copy = read(developed.stripped)
    for place, colour in (((30, 20), (255, 0, 0)), ((90, 60), (255, 255, 255))):
        assert near(copy.getpixel(place), colour)


async def test_a_copy_many_times_as_large_as_what_was_put_is_not_kept(darkroom: Darkroom) -> None:
    noise = Image.effect_noise((250, 250), 120).resize((4_000, 4_000)).convert("RGB")
    content = photos.encoded(noise, "image/avif", quality=1, speed=10)
    # As it is it costs what it weighs.
    assert (await darkroom.develop(content)).stripped.content_type == "image/avif"
    reference = content.index(b"iloc") + 4 + 4 + 2 + 2 + 2
    with pytest.raises(NotAPicture, match="save it as a JPEG"):
        await darkroom.develop(content[:reference] + b"\0\1" + content[reference + 2 :])


async def test_a_sequence_becomes_its_first_picture(darkroom: Darkroom) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("#f00", "#0f0", "#00f")]
    content = photos.encoded(frames[0], "image/avif", save_all=True, append_images=frames[1:])
    developed = await darkroom.develop(content)
    copy = read(developed.stripped)
    assert developed.stripped.content_type == "image/avif"
    assert getattr(copy, "n_frames", 1) == 1
    assert near(copy.getpixel((32, 32)), (255, 0, 0))


async def test_a_heic_in_tiles_stays_one(darkroom: Darkroom) -> None:
    content = photos.grid()
    assert CANARY in content
    developed = await darkroom.develop(content)
    copy = read(developed.stripped)
    assert (developed.stripped.content_type, copy.size) == ("image/heic", (128, 64))
    assert CANARY not in developed.stripped.path.read_bytes()
    assert ImageChops.difference(copy, Image.open(io.BytesIO(content))).getbbox() is None
    assert near(copy.getpixel((20, 32)), (255, 0, 0)) and near(copy.getpixel((100, 32)), (0, 0, 255))


async def test_what_is_see_through_stays_so(darkroom: Darkroom) -> None:
    glass = Image.new("RGBA", (64, 64), (255, 0, 0, 100))
    for content_type in ("image/png", "image/webp", "image/avif", "image/heic"):
        developed = await darkroom.develop(photos.encoded(glass, content_type))
        for made in (developed.stripped, developed.preview, developed.thumbnail):
            assert near(read(made).convert("RGBA").getpixel((32, 32)), (255, 0, 0, 100))
