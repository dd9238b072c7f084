"""Reading the pixels of a picture. They are hostile: this runs where `child` has confined it."""

import os
from collections.abc import Callable
from typing import Any

import pillow_heif
import pyvips

from storage.decoder.kinds import Large, NotAPicture

#: 100 megapixels: what a medium format camera makes. Checked before anything is decoded.
MAX_PIXELS = 100_000_000

#: Each kind has one loader, called by name, so that no other can volunteer for the bytes.
_LOADERS = {
    "image/jpeg": "Jpeg",
    "image/png": "Png",
    "image/webp": "Webp",
    "image/gif": "Nsgif",
    "image/avif": "Heif",
}
#: Their loaders can leave out what a smaller picture does not need.
_SHRINKING = {"image/jpeg", "image/webp"}

#: EXIF orientations that lie on their side (EXIF 2.32, 4.6.4).
_SIDEWAYS = {5, 6, 7, 8}

_SRGB = "srgb"


def prepare() -> None:
    """What the zygote does once: nobody decodes but whom a picture asks for, and that in one thread."""
    # SVG, PDF, ImageMagick, TIFF and whatever a later libvips brings.
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)
    pillow_heif.options.DECODE_THREADS = 1
    for part in ("THUMBNAILS", "DEPTH_IMAGES", "AUX_IMAGES"):
        setattr(pillow_heif.options, part, False)
    # Looked up here, and not by every child.
    for operation in ("thumbnail_source", "thumbnail_image", "icc_transform", "colourspace", "webpsave_target"):
        pyvips.Introspect.get(operation)


class Opened:
    """A picture whose header was read and found small enough; of an animation, its first frame."""

    def __init__(self, descriptor: int, content_type: str, most: int | None) -> None:
        """Raises NotAPicture above MAX_PIXELS, Large above the `most` that may be decoded now."""
        self._descriptor, self._content_type, self._most = descriptor, content_type, most
        self._image = _hevc(descriptor, most) if content_type == "image/heic" else self._open()
        self.width, self.height = self._image.width, self._image.height
        #: As EXIF counts them. HEIF has another way, which its decoders have followed whatever its EXIF says.
        self.orientation = 1
        if self._image.get_typeof("orientation") and not self._is_heif:
            self.orientation = self._image.get("orientation")
        if self.orientation in _SIDEWAYS:
            self.width, self.height = self.height, self.width

    @property
    def exif(self) -> bytes:
        return bytes(self._image.get("exif-data")) if self._image.get_typeof("exif-data") else b""

    def shrunk(self, side: int) -> Any:
        """The whole of it, upright, in 8 bits of sRGB and perhaps alpha, at most so long; never enlarged."""
        if self._content_type in _SHRINKING:
            source = pyvips.Source.new_from_descriptor(self._descriptor)
            image = pyvips.Image.thumbnail_source(source, side, height=side, size="down", fail_on="error")
        else:
            image = self._image.thumbnail_image(side, height=side, size="down", no_rotate=self._is_heif)
        # Read to its last row here: whatever fails from now on is not for want of bytes.
        return as_srgb(image.copy_memory())

    def whole(self) -> Any:
        """All of it in its own colours; for HEIF, which is upright already."""
        return self._image if self._content_type == "image/heic" else self._open()

    @property
    def _is_heif(self) -> bool:
        return self._content_type in ("image/heic", "image/avif")

    def _open(self) -> Any:
        name = _LOADERS[self._content_type]
        pyvips.operation_block_set(f"VipsForeignLoad{name}", False)
        source = pyvips.Source.new_from_descriptor(self._descriptor)
        load = getattr(pyvips.Image, f"{name.lower().removeprefix('ns')}load_source")
        image = load(source, access="sequential", fail_on="error")
        _check(image.width, image.height, self._most)
        return image


def as_srgb(image: Any) -> Any:
    """In 8 bits of sRGB; a profile that makes no sense is passed over."""
    if image.get_typeof("icc-profile-data") or image.interpretation == "cmyk":
        try:
            return image.icc_transform(_SRGB, embedded=True, input_profile=_assumed(image), depth=8).copy_memory()
        except pyvips.Error:
            image = image.copy()
            image.remove("icc-profile-data")
    return image.colourspace(_SRGB).cast("uchar")


def _assumed(image: Any) -> str:
    return "cmyk" if image.interpretation == "cmyk" else _SRGB


def _hevc(descriptor: int, most: int | None) -> Any:
    """Its pixels are read here, at once: this decoder knows no rows."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        photo = _sound(lambda: pillow_heif.open_heif(file))
    width, height = _sound(lambda: photo.size)
    _check(width, height, most)
    pixels = _sound(lambda: photo.data)
    image = pyvips.Image.new_from_memory(pixels, *photo.size, len(photo.mode), "uchar")
    image = image.copy(interpretation="b-w" if photo.mode.startswith("L") else _SRGB)
    for name, key in (("icc-profile-data", "icc_profile"), ("exif-data", "exif")):
        if found := photo.info.get(key):
            image.set_type(pyvips.GValue.blob_type, name, found)
    return image


def _sound(read: Callable[[], Any]) -> Any:
    """What is read from a HEIC; its library raises whatever comes, among it IndexError and SyntaxError."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception as error:
        raise pyvips.Error("unable to decode", str(error)) from error


def _check(width: int, height: int, most: int | None) -> None:
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise NotAPicture(f"It has {pixels // 10**6} megapixels; at most {MAX_PIXELS // 10**6} are taken.")
    if most is not None and pixels > most:
        raise Large
