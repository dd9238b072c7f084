"""PNG and APNG, chunk by chunk (PNG, third edition, 5 and 11)."""

import struct
import zlib
from mmap import mmap
from typing import BinaryIO

from storage.decoder.strip import kept

#: What is copied, and how many bytes of it there can be at most; None for pixels.
_KEPT: dict[bytes, int | None] = {
    b"IHDR": 13,
    b"PLTE": 768,
    b"tRNS": 256,
    b"bKGD": 6,
    b"sBIT": 4,
    b"pHYs": 9,
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"cICP": 4,
    b"mDCV": 24,
    b"cLLI": 8,
    b"acTL": 8,
    b"fcTL": 26,
    b"IDAT": None,
    b"fdAT": None,
}


def write(data: mmap, out: BinaryIO, orientation: int) -> None:
    out.write(data[:8])
    at, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        start, end = at + 8, at + 8 + length
        at = end + 4
        if at > len(data):
            raise ValueError("a chunk is cut off")
        most = _KEPT.get(kind, -1)
        if most is None or length <= most:
            out.write(data[start - 8 : at])
        elif kind == b"iCCP":
            _profile(data[start:end], out)
        if kind == b"IHDR" and (turned := kept.orientation(orientation)):
            _chunk(out, b"eXIf", turned)
    _chunk(out, b"IEND", b"")


def _profile(content: bytes, out: BinaryIO) -> None:
    """The profile under no name, if it is one; no more of it is unpacked than may be kept."""
    _, _, packed = content.partition(b"\0")
    try:
        profile = zlib.decompressobj().decompress(packed[1:], kept.PROFILE)
    except zlib.error:
        return
    if profile := kept.profile(profile):
        _chunk(out, b"iCCP", b"icc\0\0" + zlib.compress(profile))


def _chunk(out: BinaryIO, kind: bytes, content: bytes) -> None:
    out.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))
