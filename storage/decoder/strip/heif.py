"""HEIC and AVIF: a file made anew around the items that make up the still (ISO/IEC 14496-12, 8.11, and 23008-12)."""

import struct
from mmap import mmap
from typing import BinaryIO

from storage.decoder.strip.boxes import Meta, box, full

#: Brands of files that hold a still.
_BRANDS = {b"mif1", b"mif2", b"miaf", b"heic", b"heix", b"heim", b"heis", b"avif", b"MA1A", b"MA1B"}
_HANDLER = full(b"hdlr", 0, 0, b"\0\0\0\0pict" + bytes(13))


def write(data: mmap, out: BinaryIO) -> None:
    """Raises ValueError for what is more than a still, or needs what is not known here."""
    meta = Meta(data)
    items = meta.still()
    number = {item: place for place, item in enumerate(items, 1)}
    brands = _brands(data)
    sizes = [sum(end - start for start, end in meta.extents[item]) for item in items]

    def described(at: int) -> bytes:
        """All that describes the items, whose bytes begin there."""
        located = b""
        for item, size in zip(items, sizes, strict=True):
            located += struct.pack(">HHHII", number[item], 0, 1, at, size)
            at += size
        infos = [full(b"infe", 2, 0, struct.pack(">HH4sx", number[one], 0, meta.kinds[one])) for one in items]
        return full(
            b"meta",
            0,
            0,
            _HANDLER,
            full(b"pitm", 0, 0, struct.pack(">H", number[meta.primary])),
            full(b"iinf", 0, 0, struct.pack(">H", len(infos)), *infos),
            *_references(meta, number),
            _properties(meta, number),
            full(b"iloc", 0, 0, struct.pack(">BBH", 0x44, 0, len(items)), located),
        )

    kinds = box(b"ftyp", brands[0], bytes(4), *brands)
    out.write(kinds + described(len(kinds) + len(described(0)) + 8))
    out.write(struct.pack(">I4s", sum(sizes) + 8, b"mdat"))
    for item in items:
        for start, end in meta.extents[item]:
            out.write(data[start:end])


def _brands(data: mmap) -> list[bytes]:
    """The brands of a still that it names, the major one first."""
    size = int.from_bytes(data[:4])
    named = [data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))]
    brands = [brand for brand in dict.fromkeys(named) if brand in _BRANDS]
    if not brands:
        raise ValueError("a sequence")
    return brands


def _references(meta: Meta, number: dict[int, int]) -> list[bytes]:
    boxes = []
    for kind, start, targets in meta.references:
        if start in number and all(target in number for target in targets):
            numbers = [number[start], len(targets), *(number[target] for target in targets)]
            boxes.append(box(kind, struct.pack(f">{len(numbers)}H", *numbers)))
    return [full(b"iref", 0, 0, *boxes)] if boxes else []


def _properties(meta: Meta, number: dict[int, int]) -> bytes:
    """The properties of the items, each once, and which has which."""
    places: dict[int, int] = {}
    entries = []
    for item, place in number.items():
        entry = b""
        for index, essential in meta.properties_of(item):
            entry += struct.pack(">H", essential << 15 | places.setdefault(index, len(places) + 1))
        entries.append(struct.pack(">HB", place, len(entry) // 2) + entry)
    container = box(b"ipco", *(meta.properties[index] for index in places))
    return box(b"iprp", container, full(b"ipma", 0, 1, struct.pack(">I", len(entries)), *entries))
