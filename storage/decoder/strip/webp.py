"""WebP, chunk by chunk (RFC 9649, 2)."""

import struct
from collections.abc import Iterator
from mmap import mmap
from typing import BinaryIO

from storage.decoder.strip import kept

_PIXELS = {b"VP8 ", b"VP8L", b"ALPH"}
#: What the header of an extended file says that it has.
_ICC, _ALPHA, _EXIF, _ANIMATION = 0x20, 0x10, 0x08, 0x02
#: Where in a frame of an animation its own chunks begin.
_FRAME = 16


def write(data: mmap, out: BinaryIO, orientation: int) -> None:
    turned = kept.orientation(orientation)
    chunks = list(_chunks(data, 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))))
    profiles = (kept.profile(data[start:end]) for kind, start, end in chunks if kind == b"ICCP")
    profile = next(profiles, b"")
    out.write(b"RIFF\0\0\0\0WEBP")
    for kind, start, end in chunks:
        if kind == b"VP8X":
            flags = data[start] & (_ALPHA | _ANIMATION) | (_ICC if profile else 0) | (_EXIF if turned else 0)
            _chunk(out, kind, bytes([flags, 0, 0, 0]) + data[start + 4 : start + 10])
            if profile:
                _chunk(out, b"ICCP", profile)
        elif kind in _PIXELS:
            _chunk(out, kind, data[start:end])
        elif kind == b"ANIM":
            _chunk(out, kind, data[start : start + 6])
        elif kind == b"ANMF":
            frame = [one for one in _chunks(data, start + _FRAME, end) if one[0] in _PIXELS]
            size = sum(8 + stop - begin + (stop - begin) % 2 for _, begin, stop in frame)
            out.write(kind + struct.pack("<I", _FRAME + size) + data[start : start + _FRAME])
            for part, begin, stop in frame:
                _chunk(out, part, data[begin:stop])
    if turned:
        _chunk(out, b"EXIF", turned)
    size = out.tell() - 8
    out.seek(4)
    out.write(struct.pack("<I", size))


def _chunks(data: mmap, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= stop:
        kind, length = struct.unpack_from("<4sI", data, at)
        start, at = at + 8, at + 8 + length + length % 2
        if start + length > stop:
            raise ValueError("a chunk is cut off")
        yield kind, start, start + length


def _chunk(out: BinaryIO, kind: bytes, content: bytes) -> None:
    out.write(kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2))
