"""Odd images, and files that only pretend to be one, made from nothing."""

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import pyvips

PHOTOS = Path(__file__).with_name("photos")

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><title>A photo</title><script>alert(1)</script>"
#: A script to a JavaScript engine, a GIF to whoever reads six bytes.
GIF_SCRIPT = b"GIF89a=1;alert(1);" + b" " * 200

#: A HEIC of 96 x 64 pixels, red with a blue corner (x265 through libheif).
HEIC = base64.b64decode(
    """
    AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA
    ACJpbG9jAAAAAERAAAEAAQAAAAABegABAAAAAAAAAC8AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt
    AAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA
    AAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoDCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xy
    bmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAADdt
    ZGF0AAAAKygBrwQYCzM3Jx1//5XDP4tk9uAJ0V1+OfhrlrpA5cFLu6T+NEtl5u3DRcY=
    """
)


def photo(name: str = "landscape_orientation_1.jpg") -> bytes:
    return (PHOTOS / name).read_bytes()


def made(suffix: str, width: int = 60, height: int = 40, orientation: int | None = None) -> bytes:
    """A picture of any kind that libvips writes, a gradient from corner to corner."""
    image: Any = pyvips.Image.xyz(width, height)
    image = ((image[0] + image[1]) * (255 / (width + height))).cast("uchar")
    image = image.bandjoin([image, image])
    if orientation is not None:
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    written: bytes = image.write_to_buffer(suffix)
    return written


def animation(width: int, height: int, frames: int) -> bytes:
    """A GIF whose frames differ."""
    strip: Any = pyvips.Image.xyz(width, height * frames)[1].cast("uchar").copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", height)
    written: bytes = strip.write_to_buffer(".gif")
    return written


def bomb(width: int, height: int, bits: int = 1) -> bytes:
    """A PNG in which every pixel is there, and black: of 1 bit, or RGBA of 64 that takes its time."""
    row = (b"\0" if bits == 1 else b"\4") + bytes((width * bits + 7) // 8)
    squeezed = zlib.compressobj(9 if bits == 1 else 1)
    data = b"".join(squeezed.compress(row) for _ in range(height)) + squeezed.flush()
    header = struct.pack(">IIBBBBB", width, height, *((1, 0) if bits == 1 else (16, 6)), 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def with_text_bomb(png: bytes, megabytes: int) -> bytes:
    """The same PNG with a comment that unpacks to so many megabytes."""
    text = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(megabytes << 20), 9))
    after_header = 8 + 25
    return png[:after_header] + text + png[after_header:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
