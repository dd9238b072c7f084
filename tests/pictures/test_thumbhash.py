"""The placeholder, held against what the reference's thumbhash.js says of the same pixels."""

import base64
from collections.abc import Callable

import pytest

from storage.decoder.thumbhash import thumbhash
from tests import images
from tests.pictures import photos
from tests.pictures.darkroom import Darkroom

_Pixel = Callable[[int, int, int, int], tuple[int, int, int, int]]

PIXELS: dict[str, _Pixel] = {
    "slope": lambda x, y, w, h: (255 * x // w, 255 * y // h, 255 * (x + y) // (w + h), 255),
    "empty": lambda x, y, w, h: (9, 9, 9, 0),
    "checks": lambda x, y, w, h: (255, 255, 255, 255) if (x // 7 + y // 5) % 2 else (20, 60, 140, 255),
    "noise": lambda x, y, w, h: (x * 7919 % 256, y * 104729 % 256, x * y % 256, (x * 31 + y * 17) % 256),
}


@pytest.mark.parametrize(
    ("name", "width", "height", "expected"),
    [
        ("slope", 64, 43, "3wcODZqAh4dxh4h4iHeIiI+ACPh4"),
        ("slope", 40, 100, "3/cRGxpycHh3d3d3gI8I94g="),
        ("slope", 64, 1, "FPYqeb6Eh4eIiAh7i4dPiAg="),
        ("empty", 64, 43, "AAiCA4AAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("checks", 64, 43, "aNYBBYA3Jwd1dHRzc0JHcgZzYDAH"),
        ("checks", 64, 64, "aNYBBwA3Jwd2dnZzc2JnNyd2YmAHBnYA"),
        ("noise", 64, 43, "HgiCC4IIZmVRh2D+v6qr99bWIwVKKaM="),
        ("noise", 40, 100, "HwiCEgIIk1EFBib8moqfl+T1dVY6SaQ="),
        ("noise", 64, 64, "HgiCDQAIZmVRd1IHFv68zv2ndYVbPAKiJg=="),
    ],
)
def test_it_says_what_the_reference_says(name: str, width: int, height: int, expected: str) -> None:
    rgba = bytes(part for y in range(height) for x in range(width) for part in PIXELS[name](x, y, width, height))
    assert base64.b64encode(thumbhash(width, height, rgba)).decode() == expected


async def test_it_has_the_colour_and_the_shape_of_the_photo(darkroom: Darkroom) -> None:
    """As the reference's `thumbHashToAverageRGBA` and `thumbHashToApproximateAspectRatio` read it."""
    for name, is_landscape in (("landscape_orientation_6.jpg", True), ("portrait_orientation_6.jpg", False)):
        developed = await darkroom.develop(images.photo(name))
        hashed = base64.b64decode(developed.thumbhash)
        assert hashed[4] >> 7 == is_landscape
        across, down = (7, hashed[3] & 7) if is_landscape else (hashed[3] & 7, 7)
        assert abs(across / down - developed.width / developed.height) < 0.3


async def test_it_knows_what_is_see_through(darkroom: Darkroom) -> None:
    plain = photos.encoded(photos.quarters(), "image/png")
    glass = photos.encoded(photos.quarters().convert("RGBA").point(lambda value: value // 2), "image/png")
    hashes = [base64.b64decode((await darkroom.develop(content)).thumbhash) for content in (plain, glass)]
    assert [hashed[2] >> 7 for hashed in hashes] == [0, 1]
