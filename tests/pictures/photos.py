"""Photos made from nothing, as cameras and programs write them."""

import io
import struct
import zlib
from typing import Any

import pillow_heif
import pyvips
from PIL import ExifTags, Image, PngImagePlugin

from storage.decoder.strip.boxes import Meta, box, full

#: What may be left nowhere; each in another place of the file.
CANARY = b"canary-"
_IFD = ExifTags.IFD

KINDS = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/heic")


def quarters(width: int = 120, height: int = 80) -> Image.Image:
    """Red, green, blue and white: which way it lies can be seen."""
    image = Image.new("RGB", (width, height), "white")
    for place, colour in (((0, 0), "#f00"), ((width // 2, 0), "#0f0"), ((0, height // 2), "#00f")):
        image.paste(Image.new("RGB", (width // 2, height // 2), colour), place)
    return image


def exif(orientation: int = 1, original: str | None = None, offset: str | None = None, *, told: bool = False) -> bytes:
    """EXIF of a camera; when `told`, with a position, its maker's notes, a name, and a thumbnail."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    about = tags.get_ifd(_IFD.Exif)
    if original is not None:
        about[ExifTags.Base.DateTimeOriginal] = original
    if offset is not None:
        about[ExifTags.Base.OffsetTimeOriginal] = offset
    if told:
        tags[ExifTags.Base.Artist] = "canary-artist"
        about[ExifTags.Base.MakerNote] = b"canary-maker"
        position = tags.get_ifd(_IFD.GPSInfo)
        position[ExifTags.GPS.GPSLatitudeRef] = "N"
        position[ExifTags.GPS.GPSLatitude] = (48.0, 51.0, 29.5)
        position[ExifTags.GPS.GPSProcessingMethod] = b"canary-gps"
    written: bytes = tags.tobytes()
    return written


def xmp() -> bytes:
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>canary-xmp</rdf:RDF></x:xmpmeta>'


def encoded(image: Image.Image, content_type: str, **options: Any) -> bytes:
    out = io.BytesIO()
    if content_type == "image/heic":
        pillow_heif.from_pillow(image).save(out, quality=90, **options)
    else:
        image.save(out, content_type[6:].upper(), **options)
    return out.getvalue()


def with_exif(content_type: str, metadata: bytes, image: Image.Image | None = None) -> bytes:
    options: dict[str, Any] = {"exif": metadata, "quality": 95}
    if content_type == "image/heic":
        del options["quality"]
    if content_type == "image/webp":
        options["lossless"] = True
    return encoded(image or quarters(), content_type, **options)


def talkative(content_type: str) -> bytes:
    """A photo that tells all that its kind can tell, behind its end as well."""
    return _TALKATIVE[content_type]() + b"<script>canary-trailer</script>"


def _jpeg() -> bytes:
    plain = with_exif("image/jpeg", exif(6, "2024:05:06 07:08:09", "+02:00", told=True))
    said = _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp()) + _segment(0xED, b"Photoshop 3.0\0canary-iptc")
    said += _segment(0xFE, b"canary-comment") + _segment(0xE5, b"canary-app5")
    said += _segment(0xE2, b"FPXR\0canary-flashpix")
    return plain[:2] + said + plain[2:]


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def _png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "canary-text")
    text.add_itxt("XML:com.adobe.xmp", xmp().decode())
    out = encoded(quarters(), "image/png", pnginfo=text, exif=exif(6, "2024:05:06 07:08:09", "+02:00", told=True))
    more = chunk(b"zTXt", b"Raw\0\0" + zlib.compress(b"canary-ztxt")) + chunk(b"prVt", b"canary-private")
    more += chunk(b"tIME", struct.pack(">HBBBBB", 2024, 5, 6, 7, 8, 9))
    return out[:33] + more + out[33:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _webp() -> bytes:
    told = exif(6, "2024:05:06 07:08:09", "+02:00", told=True)
    written = encoded(quarters(), "image/webp", lossless=True, exif=told, xmp=xmp())
    written += b"note" + struct.pack("<I", 11) + b"canary-note\0"
    return written[:4] + struct.pack("<I", len(written) - 8) + written[8:]


def _gif() -> bytes:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("#f00", "#0f0", "#00f")]
    written = encoded(quarters(60, 40), "image/gif", save_all=True, append_images=frames, loop=7, comment="canary-gif")
    start = 13 + 3 * 2 ** ((written[10] & 7) + 1)
    said = b"\x21\xff\x0bXMP DataXMP\x0acanary-xmp\0" + b"\x21\x01\x0c" + bytes(12) + b"\x0ccanary-plain\0"[:14]
    return written[:start] + said + written[start:]


def _avif() -> bytes:
    told = exif(1, "2024:05:06 07:08:09", "+02:00", told=True)
    return encoded(quarters(), "image/avif", exif=told, xmp=xmp()) + _box()


def _heic() -> bytes:
    told = exif(6, "2024:05:06 07:08:09", "+02:00", told=True)
    return encoded(quarters(), "image/heic", exif=told, xmp=xmp()) + _box()


def _box() -> bytes:
    return struct.pack(">I4s", 24, b"uuid") + b"canary-uuid....."


_TALKATIVE = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
    "image/avif": _avif,
    "image/heic": _heic,
}


def grid() -> bytes:
    """A HEIC as telephones write it: two tiles side by side, put together by an item that has no pixels of its own."""
    tiles = [encoded(Image.new("RGB", (64, 64), colour), "image/heic") for colour in ("#f00", "#00f")]
    metas = [Meta(tile) for tile in tiles]
    coded = [tile[slice(*meta.extents[1][0])] for tile, meta in zip(tiles, metas, strict=True)]
    own = [one for one in metas[0].properties.values() if one[4:8] != b"ispe"]
    told = b"\0\0\0\6Exif\0\0" + exif(told=True)
    together = struct.pack(">BBBBHH", 0, 0, 0, 1, 128, 64)
    payload = b"".join([*coded, told])
    kinds = [b"grid", b"hvc1", b"hvc1", b"Exif"]

    def described(at: int) -> bytes:
        places = [(1, 1, 0, len(together))]
        for item, content in ((2, coded[0]), (3, coded[1]), (4, told)):
            places.append((item, 0, at, len(content)))
            at += len(content)
        located = b"".join(struct.pack(">HHHHII", item, how, 0, 1, where, size) for item, how, where, size in places)
        infos = [full(b"infe", 2, 0, struct.pack(">HH4sx", place, 0, kind)) for place, kind in enumerate(kinds, 1)]
        sizes = [full(b"ispe", 0, 0, struct.pack(">II", width, 64)) for width in (64, 128)]
        mine = bytes(range(1, len(own) + 1))
        of_tile = bytes([len(own) + 1]) + mine + bytes([len(own) + 1])
        links = struct.pack(">HBB", 1, 1, len(own) + 2)
        links += struct.pack(">H", 2) + of_tile + struct.pack(">H", 3) + of_tile
        return full(
            b"meta",
            0,
            0,
            full(b"hdlr", 0, 0, b"\0\0\0\0pict" + bytes(13)),
            full(b"pitm", 0, 0, b"\0\1"),
            full(b"iinf", 0, 0, struct.pack(">H", len(infos)), *infos),
            full(b"iref", 0, 0, box(b"dimg", struct.pack(">HHHH", 1, 2, 2, 3)), box(b"cdsc", b"\0\4\0\1\0\1")),
            box(b"iprp", box(b"ipco", *own, *sizes), full(b"ipma", 0, 0, struct.pack(">I", 3), links)),
            box(b"idat", together),
            full(b"iloc", 1, 0, struct.pack(">BBH", 0x44, 0, 4), located),
        )

    kinds_of_file = box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic")
    return kinds_of_file + described(len(kinds_of_file) + len(described(0)) + 8) + box(b"mdat", payload)


def vips(image: Any, suffix: str, **options: Any) -> bytes:
    written: bytes = image.write_to_buffer(suffix, **options)
    return written


def slope(width: int, height: int) -> Any:
    """A gradient of three colours."""
    image: Any = pyvips.Image.xyz(width, height)
    across, down = image[0] * (255 / width), image[1] * (255 / height)
    return across.bandjoin([down, (across + down) / 2]).cast("uchar").copy(interpretation="srgb")
