"""JPEG, segment by segment (ITU-T T.81, annex B)."""

import re
import struct
from mmap import mmap
from typing import BinaryIO

from storage.decoder.strip import kept

_EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
#: Frames, tables, restarts and scans.
_PIXELS = {*range(0xC0, 0xD0), *range(0xDA, 0xE0)} - {0xC8}
#: Where a scan ends: at a marker that is neither a stuffed byte nor a restart.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_ICC = b"ICC_PROFILE\0"
#: What of a profile fits into one segment.
_PART = 65_519


def write(data: mmap, out: BinaryIO, orientation: int) -> None:
    segments = _segments(data)
    profile = b"".join(_part(data, start, end) for marker, start, end in segments if marker == _APP2)
    out.write(b"\xff\xd8")
    for marker, start, end in segments:
        # The first of all, or it would not be one.
        if marker == _APP0 and data[start : start + 5] == b"JFIF\0" and end - start >= 14:
            _segment(out, _APP0, data[start : start + 12] + b"\0\0")
            break
    if turned := kept.orientation(orientation):
        _segment(out, _APP1, b"Exif\0\0" + turned)
    if profile := kept.profile(profile):
        parts = [profile[at : at + _PART] for at in range(0, len(profile), _PART)]
        for number, part in enumerate(parts, 1):
            _segment(out, _APP2, _ICC + bytes([number, len(parts)]) + part)
    for marker, start, end in segments:
        if marker == _APP14 and data[start : start + 5] == b"Adobe" and end - start >= 12:
            # How its colours were turned into these components.
            _segment(out, _APP14, data[start : start + 12])
        elif marker in _PIXELS:
            out.write(bytes([0xFF, marker]))
            out.write(data[start - 2 : end])
    out.write(bytes([0xFF, _EOI]))


def _segments(data: mmap) -> list[tuple[int, int, int]]:
    """Marker, start and end of each up to the end of the image, that of a scan with its pixels.

    Raises ValueError where something is missing.
    """
    segments: list[tuple[int, int, int]] = []
    at = 2
    while found := _MARKER.search(data, at):
        marker, start = found.group()[-1], found.end()
        if marker == 0xFF:
            # One that fills.
            at = start - 1
            continue
        if marker == _EOI:
            return segments
        (length,) = struct.unpack_from(">H", data, start)
        if length < 2 or start + length > len(data):
            raise ValueError("a segment is cut off")
        at = start + length if marker != _SOS else _scanned(data, start + length)
        segments.append((marker, start + 2, at))
    raise ValueError("it does not end")


def _scanned(data: mmap, start: int) -> int:
    found = _MARKER.search(data, start)
    if found is None:
        raise ValueError("a scan does not end")
    return found.start()


def _part(data: mmap, start: int, end: int) -> bytes:
    # Written in order, as by everybody.
    return data[start + len(_ICC) + 2 : end] if data[start : start + len(_ICC)] == _ICC else b""


def _segment(out: BinaryIO, marker: int, content: bytes) -> None:
    out.write(bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content)
