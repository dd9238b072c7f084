"""All that is made of one picture: what it is, its sizes, and a copy that tells nothing."""

import base64
import os
from typing import TYPE_CHECKING, Any

import pyvips

from storage.decoder import strip
from storage.decoder.decode import Opened
from storage.decoder.kinds import DAMAGED, HEAD, NAMES, TOO_DEMANDING, UNKNOWN, NotAPicture, sniff
from storage.decoder.taken import taken_at
from storage.decoder.thumbhash import SIDE, thumbhash

if TYPE_CHECKING:
    from storage.decoder.child import Files

#: The longer sides of the sizes that are made, in pixels.
THUMBNAIL = 250
PREVIEW = 1440

#: From here on a picture is decoded beside no other that is as large.
LARGE_PIXELS = 24_000_000

#: By which words of an error it is known that a limit was met, and not that the picture is wrong.
_LIMITS = ("memory", "write error")

#: The next effort takes twice the time for 3 % of the bytes.
WEBP = {"Q": 80, "effort": 2, "keep": "none"}


def develop(files: "Files", declared_type: str, large: bool) -> dict[str, Any]:
    """Writes its derivatives, and answers what else is known of it; raises NotAPicture, and Large unless it may be."""
    content_type = _told(files.source, declared_type)
    try:
        picture = Opened(files.source, content_type, None if large else LARGE_PIXELS)
        preview = picture.shrunk(PREVIEW)
        thumbnail = _smaller(preview, THUMBNAIL)
        for image, file in ((preview, files.preview), (thumbnail, files.thumbnail)):
            image.webpsave_target(pyvips.Target.new_to_descriptor(file), **WEBP)
        strip.strip(picture, content_type, files.source, files.stripped)
    except pyvips.Error as error:
        refused = any(limit in error.detail.lower() for limit in _LIMITS)
        if refused:
            # libvips does not say why it could not write: the system does, to whoever tries once more.
            for file in (files.preview, files.thumbnail):
                os.write(file, b" ")
        raise NotAPicture(TOO_DEMANDING if refused else DAMAGED) from error
    moment = taken_at(picture.exif)
    return {
        "width": picture.width,
        "height": picture.height,
        "thumbhash": _hash(thumbnail),
        "taken_at": moment.isoformat() if moment else None,
    }


def _told(source: int, declared_type: str) -> str:
    found = sniff(os.pread(source, HEAD, 0))
    if found is None:
        raise NotAPicture(UNKNOWN)
    if found != declared_type:
        raise NotAPicture(f"It is {NAMES[found]}, not {NAMES.get(declared_type, declared_type)} as announced.")
    return found


def _smaller(image: Any, side: int) -> Any:
    # Upright already, whatever its EXIF still says.
    return image.thumbnail_image(side, height=side, size="down", no_rotate=True).copy_memory()


def _hash(image: Any) -> str:
    small = _smaller(image, SIDE)
    rgba = small if small.hasalpha() else small.bandjoin(255)
    return base64.b64encode(thumbhash(small.width, small.height, bytes(rgba.write_to_memory()))).decode()
