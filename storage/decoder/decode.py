"""Looking into the bytes of a picture. They are hostile: this runs where `__main__` has confined it."""

import os
from collections.abc import Callable
from typing import Any

import pyvips

from storage.decoder.kinds import DAMAGED, HEAD, NAMES, TOO_DEMANDING, UNKNOWN, NotAPicture, Picture, sniff

#: 100 megapixels: what a medium format camera makes. Checked before anything is decoded.
MAX_PIXELS = 100_000_000

#: EXIF orientations that lie on their side (EXIF 2.32, 4.6.4).
SIDEWAYS = {5, 6, 7, 8}

# Each kind has its own loader, called by name, so that no other can volunteer for the bytes.
_LOADERS: dict[str, Callable[..., Any]] = {
    "image/jpeg": pyvips.Image.jpegload_source,
    "image/png": pyvips.Image.pngload_source,
    "image/webp": pyvips.Image.webpload_source,
    "image/gif": pyvips.Image.gifload_source,
    "image/avif": pyvips.Image.heifload_source,
    "image/heic": pyvips.Image.heifload_source,
}

# And every other loader is blocked as well: SVG, PDF, ImageMagick, TIFF and whatever a later libvips brings.
pyvips.block_untrusted_set(True)
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in ("Jpeg", "Png", "Webp", "Nsgif", "Heif"):
    pyvips.operation_block_set(f"VipsForeignLoad{_loader}", False)
pyvips.cache_set_max(0)
pyvips.concurrency_set(1)


def inspect(descriptor: int, declared_type: str) -> Picture:
    """The picture in an open file, decoded from its first row to its last; raises NotAPicture."""
    found = sniff(os.pread(descriptor, HEAD, 0))
    if found is None:
        raise NotAPicture(UNKNOWN)
    if found != declared_type:
        raise NotAPicture(f"It is {NAMES[found]}, not {NAMES.get(declared_type, declared_type)} as announced.")
    try:
        image = _open(descriptor, found)
        decoded = _decode(image)
    except pyvips.Error as error:
        raise NotAPicture(TOO_DEMANDING if "memory" in str(error).lower() else DAMAGED) from error
    if not decoded and not _whole(descriptor):
        raise NotAPicture(DAMAGED)
    sideways = image.get_typeof("orientation") and image.get("orientation") in SIDEWAYS
    width, height = (image.height, image.width) if sideways else (image.width, image.height)
    return Picture(width, height, found, decoded)


def _open(descriptor: int, content_type: str) -> Any:
    """Its header, read and found small enough; of an animation the first frame."""
    source = pyvips.Source.new_from_descriptor(descriptor)
    image = _LOADERS[content_type](source, access="sequential", fail_on="error")
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise NotAPicture(f"It has {pixels // 10**6} megapixels; at most {MAX_PIXELS // 10**6} are taken.")
    return image


def _decode(image: Any) -> bool:
    """Reads every pixel; whether that could be done at all."""
    try:
        image.avg()
    except pyvips.Error as error:
        # pyvips-binary decodes AV1 but not HEVC: of most HEICs we know that their boxes and header are sound.
        if image.get("vips-loader").startswith("heif") and "not been built in: HEVC" in str(error):
            return False
        raise
    return True


def _whole(descriptor: int) -> bool:
    """Whether the boxes of an ISO media file fill it to its last byte (ISO/IEC 14496-12, 4.2)."""
    at, end = 0, os.fstat(descriptor).st_size
    while at < end:
        header = os.pread(descriptor, 16, at)
        size = int.from_bytes(header[:4])
        if size == 1:
            size = int.from_bytes(header[8:16])
        elif size == 0:
            return True
        if size < 8:
            return False
        at += size
    return at == end
