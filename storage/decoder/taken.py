"""When a photo was taken, as its camera says."""

from contextlib import suppress
from datetime import UTC, datetime, tzinfo

# Pillow imports the last when it first needs it, when nothing can be read any more.
from PIL import ExifTags, Image, TiffImagePlugin  # noqa: F401

#: As it is written: 2024:05:06 07:08:09.
_LENGTH = 19


def taken_at(exif: bytes) -> datetime | None:
    """DateTimeOriginal with OffsetTimeOriginal, or else as if in UTC (EXIF 3.0, 4.6.6); None for what is no moment."""
    # Whatever is wrong with it, the picture is a picture.
    with suppress(Exception):
        tags = Image.Exif()
        tags.load(exif)
        about = tags.get_ifd(ExifTags.IFD.Exif)
        said = _text(about[ExifTags.Base.DateTimeOriginal])
        if len(said) == _LENGTH:
            # `strptime` imports, which cannot be done here.
            moment = datetime.fromisoformat(said.replace(":", "-", 2))
            zone = _zone(_text(about.get(ExifTags.Base.OffsetTimeOriginal, "")))
            return moment.replace(tzinfo=zone).astimezone(UTC)
    return None


def _zone(offset: str) -> tzinfo:
    with suppress(ValueError):
        return datetime.fromisoformat(f"2000-01-01T00:00:00{offset}").tzinfo or UTC
    return UTC


def _text(value: object) -> str:
    return str(value).strip("\0 ")
