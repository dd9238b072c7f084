"""The little besides pixels that a picture needs to be shown as it is meant: its orientation and its colours."""

import struct

#: How many bytes a colour profile may have: those of printing presses have 2.7 MB.
PROFILE = 4 << 20


def orientation(value: int) -> bytes:
    """EXIF that says how the picture is turned, and nothing else; nothing for one that is upright."""
    if not 2 <= value <= 8:
        return b""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, value, 0, 0)


def profile(data: bytes) -> bytes:
    """The colour profile, as long as it says that it is; nothing for what is none (ICC.1:2022, 7.2)."""
    size = int.from_bytes(data[:4])
    if data[36:40] != b"acsp" or not 128 <= size <= min(len(data), PROFILE):
        return b""
    return data[:size]
