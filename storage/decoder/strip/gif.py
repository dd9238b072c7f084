"""GIF, block by block (GIF89a, 15 to 27)."""

from mmap import mmap
from typing import BinaryIO

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
#: The extensions that say how often an animation is shown, each in a block of so many bytes.
_LOOP = 3
_LOOPS = (b"NETSCAPE2.0\3", b"ANIMEXTS1.0\3")


def write(data: mmap, out: BinaryIO, orientation: int) -> None:
    """A GIF has no orientation."""
    at = 13 + _table(data[10])
    out.write(data[:at])
    # Some writers leave the trailer out, at which nobody takes offence.
    while at < len(data) and data[at] != _TRAILER:
        start = at
        if data[at] == _IMAGE:
            # Its descriptor, its colours, and the size of its first codes.
            at = _blocks(data, start + 11 + _table(data[start + 9]))
            out.write(data[start:at])
        elif data[at] == _EXTENSION:
            at = _blocks(data, start + 2)
            if data[start + 1] == _CONTROL and data[start + 2] == 4:
                out.write(data[start : start + 7] + b"\0")
            elif data[start + 1] == _APPLICATION and data[start + 3 : start + 15] in _LOOPS:
                out.write(data[start : start + 15 + _LOOP] + b"\0")
        else:
            raise ValueError("a block of no kind")
    out.write(bytes([_TRAILER]))


def _table(flags: int) -> int:
    """The length of a table of colours in bytes, as the flags before it say."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(data: mmap, at: int) -> int:
    """Where the blocks that begin here end."""
    while length := data[at]:
        at += 1 + length
    return at + 1
