"""When a photo was taken."""

from datetime import UTC, datetime

import pytest

from tests.pictures import photos
from tests.pictures.darkroom import Darkroom

MORNING = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
WITH_EXIF = ["image/jpeg", "image/png", "image/webp", "image/avif", "image/heic"]


@pytest.mark.parametrize("content_type", WITH_EXIF)
async def test_it_is_read_in_every_kind(darkroom: Darkroom, content_type: str) -> None:
    metadata = photos.exif(original="2024:05:06 07:08:09")
    assert (await darkroom.develop(photos.with_exif(content_type, metadata))).taken_at == MORNING
    assert (await darkroom.develop(photos.encoded(photos.quarters(), content_type))).taken_at is None


@pytest.mark.parametrize(
    ("original", "offset", "moment"),
    [
        ("2024:05:06 07:08:09", None, MORNING),
        ("2024:05:06 09:08:09", "+02:00", MORNING),
        ("2024:05:05 21:38:09", "-09:30", MORNING),
        ("2024:05:06 07:08:09", "Z", MORNING),
        ("2024:05:06 07:08:09", "   :  ", MORNING),
        ("2024:05:06 07:08:09", "+99:99", MORNING),
        ("2024:05:06 07:08:09\0\0", "", MORNING),
        ("0000:00:00 00:00:00", None, None),
        ("2024:13:45 07:08:09", None, None),
        ("    :  :     :  :  ", None, None),
        ("0001:01:01 00:00:00", "+14:00", None),
        ("yesterday", None, None),
        ("", "+02:00", None),
        (None, "+02:00", None),
    ],
)
async def test_a_moment_is_one_or_there_is_none(
    darkroom: Darkroom, original: str | None, offset: str | None, moment: datetime | None
) -> None:
    metadata = photos.exif(original=original, offset=offset)
    developed = await darkroom.develop(photos.with_exif("image/jpeg", metadata))
    assert developed.taken_at == moment
    assert moment is None or (developed.taken_at is not None and developed.taken_at.tzinfo is UTC)


async def test_exif_that_is_none_hides_no_picture(darkroom: Darkroom) -> None:
    whole = photos.exif(original="2024:05:06 07:08:09")
    for broken in (whole[:20], b"Exif\0\0garbage" * 9, whole.replace(b"2024:05", b"\xff\xfe\xfd\xfc:\0\0")):
        developed = await darkroom.develop(photos.with_exif("image/jpeg", broken))
        assert (developed.width, developed.taken_at) == (120, None)
