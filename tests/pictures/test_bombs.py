"""What wants to be more than it is gets no more than a picture may have, and the next picture is fine."""

from collections.abc import Callable

import pytest

from storage.decoder.kinds import DAMAGED
from storage.picture import CPU_SECONDS
from tests import images
from tests.pictures import bombs
from tests.pictures.darkroom import Darkroom, read

#: Of a picture of one megapixel, however many frames and words come with it.
MODEST = 256 << 20


@pytest.mark.parametrize(
    ("width", "height", "megapixels"),
    [(50_000, 50_000, 2500), (13_350, 13_350, 178), (10_001, 10_000, 100)],
)
async def test_too_many_pixels_are_refused_before_they_are_decoded(
    darkroom: Darkroom, width: int, height: int, megapixels: int
) -> None:
    reason = f"It has {megapixels} megapixels; at most 100 are taken."
    assert await darkroom.refusal(images.bomb(width, height), "image/png") == reason
    assert darkroom.peak < MODEST
    assert darkroom.cpu < CPU_SECONDS / 5


@pytest.mark.parametrize("bomb", [bombs.gif, bombs.apng, bombs.webp])
async def test_of_ten_thousand_frames_one_is_looked_at(darkroom: Darkroom, bomb: Callable[[int], bytes]) -> None:
    developed = await darkroom.develop(bomb(10_000))
    assert (developed.width, developed.height) == (1000, 1000)
    assert read(developed.preview).size == (1000, 1000)
    assert darkroom.peak < MODEST


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (images.with_text_bomb(images.made(".png"), megabytes=300), "image/png"),
        (bombs.profile_bomb(megabytes=300), "image/png"),
        (bombs.exif_bomb(), "image/jpeg"),
    ],
    ids=["zTXt", "iCCP", "EXIF"],
)
async def test_what_unpacks_to_megabytes_costs_nothing(darkroom: Darkroom, content: bytes, content_type: str) -> None:
    developed = await darkroom.develop(content, content_type)
    assert read(developed.stripped).size == (developed.width, developed.height)
    assert b"iCCP" not in developed.stripped.path.read_bytes()
    assert darkroom.peak < MODEST
    assert darkroom.cpu < CPU_SECONDS / 5


async def test_a_jpeg_that_goes_over_its_pixels_again_and_again_is_refused(darkroom: Darkroom) -> None:
    assert await darkroom.refusal(bombs.scans(3_000), "image/jpeg") == DAMAGED
    assert darkroom.cpu < CPU_SECONDS / 5


async def test_100_megapixels_are_taken(darkroom: Darkroom) -> None:
    developed = await darkroom.develop(images.bomb(10_000, 10_000))
    assert (developed.width, developed.height) == (10_000, 10_000)
    assert darkroom.peak < MODEST
