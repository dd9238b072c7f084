"""The original without anything that is not the picture: for those who may not see where and by whom it was taken.

What is kept is listed, and the rest is dropped, known or not. Pixels are copied as they were encoded.
"""

import mmap
import os
import struct
from typing import TYPE_CHECKING, BinaryIO

import pyvips

from storage.decoder.kinds import BLOATED, DAMAGED, NotAPicture
from storage.decoder.strip import gif, heif, jpeg, png, webp

if TYPE_CHECKING:
    from storage.decoder.decode import Opened

_WRITERS = {"image/jpeg": jpeg.write, "image/png": png.write, "image/webp": webp.write, "image/gif": gif.write}

#: How a HEIF is written anew that cannot be copied: quality, and whole colours.
_JPEG = {"Q": 92, "keep": "icc", "subsample_mode": "off"}
#: How many times as long as the source it may be, and how many bytes more.
_GROWTH, _FREE = 8, 1 << 20


def strip(picture: "Opened", content_type: str, source: int, stripped: int) -> None:
    """Raises NotAPicture when the file does not follow its own format."""
    with mmap.mmap(source, 0, access=mmap.ACCESS_READ) as data, os.fdopen(os.dup(stripped), "wb") as out:
        try:
            if content_type in _WRITERS:
                _WRITERS[content_type](data, out, picture.orientation)
            else:
                _heif(picture, data, out)
        except (ValueError, IndexError, struct.error) as error:
            raise NotAPicture(DAMAGED) from error


def _heif(picture: "Opened", data: mmap.mmap, out: BinaryIO) -> None:
    """The copy, or a JPEG where it is more than a still: HEVC takes 20 times as long to encode."""
    try:
        heif.write(data, out)
        return
    except (ValueError, IndexError, KeyError, struct.error):
        out.seek(0)
        out.truncate()
    target = pyvips.Target.new_to_descriptor(out.fileno())
    image = picture.whole()
    (image.flatten(background=255) if image.hasalpha() else image).jpegsave_target(target, **_JPEG)
    # A kilobyte can say a hundred megapixels, of which each would be kept.
    if os.fstat(out.fileno()).st_size > _GROWTH * len(data) + _FREE:
        raise NotAPicture(BLOATED)
