"""Small files that want to be large, made with code."""

import struct
import zlib

import pyvips
from PIL import Image

from tests import images
from tests.pictures import photos
from tests.pictures.photos import chunk


def gif(frames: int) -> bytes:
    """Frames of one pixel each on a canvas of 1,000 by 1,000."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1000, 1000, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\4\0\1\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    return head + frame * frames + b"\x3b"


def apng(frames: int) -> bytes:
    """A PNG whose later frames repeat the first."""
    png = images.bomb(1000, 1000)
    pixels = png[png.index(b"IDAT") + 4 : -16]
    control = struct.pack(">IIIIHHBB", 1000, 1000, 0, 0, 1, 10, 0, 0)
    more = [chunk(b"acTL", struct.pack(">II", frames, 0)), chunk(b"fcTL", struct.pack(">I", 0) + control)]
    later = []
    for number in range(1, frames):
        later.append(chunk(b"fcTL", struct.pack(">I", 2 * number - 1) + control))
        later.append(chunk(b"fdAT", struct.pack(">I", 2 * number) + pixels))
    return png[:33] + b"".join(more) + png[33:-12] + b"".join(later) + png[-12:]


def webp(frames: int) -> bytes:
    """An animation of 1,000 by 1,000, a frame again and again."""
    two = [Image.new("RGB", (1000, 1000), colour) for colour in ("#f00", "#0f0")]
    written = photos.encoded(two[0], "image/webp", save_all=True, append_images=two[1:])
    start = written.index(b"ANMF")
    length = 8 + struct.unpack_from("<I", written, start + 4)[0]
    content = written[8:start] + written[start : start + length] * frames
    return b"RIFF" + struct.pack("<I", len(content)) + content


def profile_bomb(megabytes: int) -> bytes:
    """A PNG whose profile unpacks to so many megabytes, of which the beginning is a true one."""
    true = bytes(pyvips.Image.profile_load("srgb"))
    long = struct.pack(">I", megabytes << 20) + true[4:] + bytes((megabytes << 20) - len(true))
    png = images.made(".png")
    return png[:33] + chunk(b"iCCP", b"icc\0\0" + zlib.compress(long, 9)) + png[33:]


def exif_bomb() -> bytes:
    """EXIF whose directories lead to each other."""
    loop = struct.pack(">2sHIHHHIII", b"MM", 42, 8, 1, 0x8769, 4, 1, 8, 8)
    return photos.with_exif("image/jpeg", b"Exif\0\0" + loop)


def scans(number: int) -> bytes:
    """A progressive JPEG of 16 megapixels, one scan of which comes again and again, each of a few bytes."""
    jpeg = photos.vips(pyvips.Image.black(4000, 4000), ".jpg", interlace=True)
    start = jpeg.rindex(b"\xff\xda")
    return jpeg[:start] + jpeg[start:-2] * number + jpeg[-2:]
