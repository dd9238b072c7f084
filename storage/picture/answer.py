"""What the process of a picture said. Should the bytes have taken it over: some numbers or a sentence, and no more."""

import json
import re
import signal
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from models.refusal import Unavailable
from storage.decoder.kinds import HEAD, TOO_DEMANDING, NotAPicture, sniff

#: How many bytes it may say: a line of JSON, or the end of a traceback.
ANSWER = 1 << 14
#: How many characters of a sentence reach the uploader.
REASON = 200
#: What a copy may be of a picture that is not copied as it is.
_COPIES = {"image/avif": "image/jpeg", "image/heic": "image/jpeg"}
#: 5 bytes at least; 25 with alpha at most.
_THUMBHASH = re.compile(r"[A-Za-z0-9+/]{8,40}={0,2}")


class Names(NamedTuple):
    """Where the files go that are made."""

    thumbnail: Path
    preview: Path
    stripped: Path


@dataclass(frozen=True, slots=True)
class Made:
    """A file in the caller's folder."""

    path: Path
    content_type: str


@dataclass(frozen=True, slots=True)
class Developed:
    """Width and height in pixels, as shown; the thumbhash in base64; when it was taken, in UTC.

    `stripped` is the original without metadata, in the type that it says: a HEIC or AVIF can have become a JPEG.
    """

    width: int
    height: int
    thumbhash: str
    taken_at: datetime | None
    thumbnail: Made
    preview: Made
    stripped: Made


def understood(code: int, said: bytes, declared_type: str, names: Names) -> Developed | None:
    """None when it is large; raises NotAPicture, Unavailable."""
    # Killed by somebody else, as when the machine is out of memory: the picture may be fine.
    if code == -signal.SIGKILL:
        raise Unavailable
    if code < 0:
        raise NotAPicture(TOO_DEMANDING)
    if code > 0:
        raise RuntimeError(f"The picture process failed: {said.decode(errors='replace')}")
    try:
        answer = json.loads(said)
        if "large" in answer:
            return None
        if "reason" in answer:
            raise NotAPicture(str(answer["reason"])[:REASON])
        return _developed(answer, declared_type, names)
    except (KeyError, TypeError, ValueError) as error:
        raise NotAPicture(TOO_DEMANDING) from error


def _developed(answer: dict[str, Any], declared_type: str, names: Names) -> Developed:
    """Raises ValueError for what only a process that was taken over would say."""
    moment = answer["taken_at"] and datetime.fromisoformat(answer["taken_at"])
    width, height, thumbhash = int(answer["width"]), int(answer["height"]), str(answer["thumbhash"])
    if min(width, height) < 1 or not _THUMBHASH.fullmatch(thumbhash) or (moment and not moment.tzinfo):
        raise ValueError
    return Developed(
        width,
        height,
        thumbhash,
        moment,
        _made(names.thumbnail, {"image/webp"}),
        _made(names.preview, {"image/webp"}),
        _made(names.stripped, {declared_type, _COPIES.get(declared_type, declared_type)}),
    )


def _made(path: Path, content_types: set[str]) -> Made:
    with path.open("rb") as file:
        content_type = sniff(file.read(HEAD))
    if content_type not in content_types:
        raise ValueError
    return Made(path, content_type)
