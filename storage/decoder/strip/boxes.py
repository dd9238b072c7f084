"""What a HEIF says of its items: the boxes of its `meta`."""

import struct
from collections.abc import Iterator
from mmap import mmap

from storage.decoder.strip import kept

#: Coded pictures, and those that are put together of others.
_CODED, _DERIVED = {b"hvc1", b"av01"}, {b"grid", b"iovl", b"iden"}
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0")
#: The properties that are kept, and how many bytes each can have at most.
_PROPERTIES = {b"hvcC": 1 << 16, b"av1C": 1 << 16, b"colr": kept.PROFILE, b"auxC": 64, b"pixi": 16, b"ispe": 12}
_PROPERTIES |= {b"irot": 1, b"imir": 1, b"clap": 32, b"pasp": 8, b"a1op": 1, b"a1lx": 13, b"lsel": 2, b"clli": 4}
#: How many items there may be: 100 megapixels in tiles of 256 x 256 are 1,600.
_ITEMS = 10_000


class Meta:
    """Raises ValueError for what it does not know how to copy."""

    def __init__(self, data: mmap | bytes) -> None:
        self._data = data
        self._boxes = {kind: (start, end) for kind, start, end in self._inside(*self._of(b"meta"), skipped=4)}
        self.kinds: dict[int, bytes] = {}
        self.extents: dict[int, list[tuple[int, int]]] = {}
        self.references: list[tuple[bytes, int, list[int]]] = []
        self.properties: dict[int, bytes] = {}
        self._associations: dict[int, list[tuple[int, int]]] = {}
        version, start, _ = self._full(b"pitm")
        self.primary = self._number(start, 4 if version else 2)
        self._read_kinds()
        self._read_extents()
        if b"iref" in self._boxes:
            self._read_references()
        self._read_properties()

    def still(self) -> list[int]:
        """The primary item, those it is put together of, and their alpha."""
        items = [self.primary]
        for item in items:
            if self.kinds[item] not in _CODED | _DERIVED or len(items) > _ITEMS:
                raise ValueError("an item that is no picture")
            for kind, start, targets in self.references:
                if kind == b"dimg" and start == item:
                    items += [target for target in targets if target not in items]
                elif kind == b"auxl" and item in targets and start not in items and self._is_alpha(start):
                    items.append(start)
        return items

    def properties_of(self, item: int) -> Iterator[tuple[int, int]]:
        """Those that are kept: the index of each, and whether it is essential."""
        for index, essential in self._associations[item]:
            if index in self.properties:
                yield index, essential
            elif essential:
                raise ValueError("a property that has to be known, and is not")

    def _is_alpha(self, item: int) -> bool:
        of = (self.properties.get(index, b"") for index, _ in self._associations.get(item, []))
        return any(one[4:8] == b"auxC" for one in of)

    def _read_kinds(self) -> None:
        version, start, end = self._full(b"iinf")
        for kind, at, _ in self._inside(start, end, skipped=4 if version else 2):
            wide = self._data[at] == 3
            if kind != b"infe" or self._data[at] not in (2, 3):
                raise ValueError("an old kind of item")
            item, protection, name = struct.unpack_from(">IH4s" if wide else ">HH4s", self._data, at + 4)
            if not protection:
                self.kinds[item] = name

    def _read_extents(self) -> None:
        version, at, end = self._full(b"iloc")
        sizes = self._number(at, 2)
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        wide = 4 if version == 2 else 2
        stored = self._boxes.get(b"idat", (0, 0))[0]
        at, count = at + 2 + wide, self._number(at + 2, wide)
        for _ in range(count):
            item, at = self._number(at, wide), at + wide
            method, at = (self._number(at, 2) & 15, at + 2) if version else (0, at)
            if at > end or method > 1 or self._number(at, 2):
                raise ValueError("bytes that lie elsewhere")
            first = self._number(at + 2, base) + (stored if method else 0)
            extents, at = self._number(at + 2 + base, 2), at + 4 + base
            self.extents[item] = []
            for _ in range(extents):
                at += index if version else 0
                begin = first + self._number(at, offset)
                stop = begin + self._number(at + offset, length)
                at += offset + length
                if not begin < stop <= len(self._data):
                    raise ValueError("bytes that are not there")
                self.extents[item].append((begin, stop))

    def _read_references(self) -> None:
        version, start, end = self._full(b"iref")
        for kind, at, stop in self._inside(start, end):
            code = "I" if version else "H"
            item, count = struct.unpack_from(f">{code}H", self._data, at)
            targets = struct.unpack_from(f">{count}{code}", self._data[at:stop], 6 if version else 4)
            self.references.append((kind, item, list(targets)))

    def _read_properties(self) -> None:
        inside = {kind: (start, end) for kind, start, end in self._inside(*self._boxes[b"iprp"])}
        for index, (kind, start, end) in enumerate(self._inside(*inside[b"ipco"]), 1):
            if content := _kept(kind, self._data[start:end]):
                self.properties[index] = box(kind, content)
        start, _ = inside[b"ipma"]
        wide, long = 4 if self._data[start] else 2, self._data[start + 3] & 1
        at, count = start + 8, self._number(start + 4, 4)
        for _ in range(count):
            item, of, at = self._number(at, wide), self._data[at + wide], at + wide + 1
            found = [self._number(at + place * (1 + long), 1 + long) for place in range(of)]
            at += of * (1 + long)
            top = 15 if long else 7
            self._associations[item] = [(one & (1 << top) - 1, one >> top) for one in found]

    def _of(self, wanted: bytes) -> tuple[int, int]:
        for kind, start, end in self._inside(0, len(self._data)):
            if kind == wanted:
                return start, end
        raise ValueError("a box is missing")

    def _full(self, kind: bytes) -> tuple[int, int, int]:
        """The version of a box, and where its content begins and ends."""
        start, end = self._boxes[kind]
        return self._data[start], start + 4, end

    def _inside(self, at: int, end: int, *, skipped: int = 0) -> Iterator[tuple[bytes, int, int]]:
        at += skipped
        while at < end:
            size, kind = struct.unpack_from(">I4s", self._data, at)
            start = at + 8
            if size == 1:
                size, start = self._number(start, 8), start + 8
            stop = at + size if size else end
            if not start <= stop <= end:
                raise ValueError("a box that is longer than what it lies in")
            yield kind, start, stop
            at = stop

    def _number(self, at: int, length: int) -> int:
        return int.from_bytes(self._data[at : at + length])


def _kept(kind: bytes, content: bytes) -> bytes:
    if len(content) > _PROPERTIES.get(kind, -1):
        return b""
    if kind == b"colr" and content[:4] in (b"prof", b"rICC"):
        profile = kept.profile(content[4:])
        return content[:4] + profile if profile else b""
    if kind == b"colr":
        return content[:11] if content[:4] == b"nclx" else b""
    if kind == b"auxC":
        return next((content[:4] + urn for urn in _ALPHA if content[4:].startswith(urn)), b"")
    return content


def box(kind: bytes, *content: bytes) -> bytes:
    joined = b"".join(content)
    return struct.pack(">I4s", len(joined) + 8, kind) + joined


def full(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """A box that has a version."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)
