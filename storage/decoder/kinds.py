"""The kinds of picture we take, and their magic."""

#: How many of a file's first bytes `sniff` wants, at most.
HEAD = 256

#: What people call them; every content type that may be announced.
NAMES = {
    "image/jpeg": "a JPEG",
    "image/png": "a PNG",
    "image/webp": "a WebP",
    "image/gif": "a GIF",
    "image/avif": "an AVIF",
    "image/heic": "a HEIC",
}

UNKNOWN = "It is not a picture of a kind we take: JPEG, PNG, WebP, GIF, AVIF or HEIC."
DAMAGED = "It is damaged or incomplete."
BLOATED = "It would be many times as large without its metadata; please save it as a JPEG and upload that."
TOO_DEMANDING = "It takes too much time or memory to look at."

_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}


class NotAPicture(Exception):
    """The bytes are not what was announced; `reason` is a sentence that the uploader may read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Large(Exception):
    """The picture is above what may be looked at beside another one."""


def sniff(head: bytes) -> str | None:
    """The content type that a file's first bytes (at most HEAD are looked at) speak of."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _brand(head[:HEAD])
    return None


def _brand(head: bytes) -> str | None:
    """An ISO media file by its brands, the major one first (ISO/IEC 14496-12, 4.3)."""
    size = int.from_bytes(head[:4])
    brands = [head[8:12], *(head[start : start + 4] for start in range(16, min(size, len(head)) - 3, 4))]
    for brand in brands:
        if brand in _AVIF:
            return "image/avif"
        if brand in _HEIC:
            return "image/heic"
    return None
